"""Finished results for people: the terminal, pages, print, workbooks, indicators, and the story of an event.

Sees results (runs, frames, plain figures) and the rulebook only; computes nothing that is not already in them.
"""
