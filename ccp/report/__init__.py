"""Finished results for people: tables in the terminal, the story of an event, manifests, and writing a run.

Sees results (frames, plain figures) and the rulebook only; computes nothing that is not already in them.
"""
