"""Scenario sets: what every factor does in each margin or stress scenario, and where that comes from.

`scenario_set` holds the set; `historical`, `filtered`, `stress_period`, `hypothetical`, `rate_shifts` and `files` make
them; `shares` turns shares of levels into moves, `below_zero` says what no scenario may do; `stress_set` puts a
rulebook's set together. Sees market, rulebook and documents.
"""
