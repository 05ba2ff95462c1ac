"""Notes: what a reader must know of a run beside its figures. `note` is one, `kinds` the table of all that there are.

A rule that could not be met as it is written is a note, never silence. Who finds one stands in the room that knows:
`notes.py` of market, scenarios, margin, stress, sizing, waterfall, settlement and backtesting. Sees nothing but rows.
"""
