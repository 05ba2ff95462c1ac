"""Who pays: the tiers of a rulebook run over an event, in cents.

`plan` resolves rulebook and fund once; `ccp.rulebook.tier_table` says what a tier is, `tiers` what each offers; `run`
runs them; `invariants` are checked in every run; `trace` tells the story. Sees stress and rulebook; knows nothing of
scenarios or products.
"""
