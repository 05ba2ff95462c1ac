"""Defaults as documents: what happened, in figures with their sources, run through rulebooks and set against the
outcome.

Sees the waterfall and everything below; needs no book and no prices.
"""
