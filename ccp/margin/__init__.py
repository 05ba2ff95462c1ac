"""Initial margin: the tail of an account's losses, and what is held against it.

`measure` turns a rulebook's words into weights on the largest losses; `collateral` values what is held. Sees
exposure and everything below.
"""
