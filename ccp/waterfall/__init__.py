"""Who pays: the tiers of a rulebook run over an event, in cents.

`plan` resolves rulebook and fund once; `tiers` holds one small function a tier; `run` runs them; `invariants` are
checked in every run; `trace` tells the story. Sees stress and rulebook; knows nothing of scenarios or products.
"""
