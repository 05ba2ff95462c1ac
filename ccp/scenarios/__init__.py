"""Scenario sets: what every factor does in each margin or stress scenario, and where that comes from.

`scenario_set` holds the set; `historical`, `filtered`, `stress_period`, `hypothetical` and `files` make them;
`stress_set` puts a rulebook's set together. Sees market, rulebook and documents.
"""
