"""A small book that is changed, its rules, and everything that a run says."""

from __future__ import annotations

import json
from typing import Any

import ccp


def changes(**document: Any) -> ccp.Changes:
    return ccp.Changes(**document)


def texts(sizing: ccp.Sizing) -> dict[str, str]:
    """Everything that a run says, written out: floats to the last bit, with the sign of zero."""
    tables = {name: json.dumps(table.to_dict(as_series=False), default=str) for name, table in sizing.tables.items()}
    types = {f"{name} types": str(table.schema) for name, table in sizing.tables.items()}
    names = ("coverage", "worst_event", "coverage_test_event")
    notes = json.dumps([note.as_dict() for note in sizing.notes if note.id != "unmatched"])
    return tables | types | {name: json.dumps(getattr(sizing, name)) for name in names} | {"notes": notes}


ACCOUNTS = {
    "a": ("A", "a", "house"),
    "g1": ("A", "gross", "client"),
    "g2": ("A", "gross", "client"),
    "b": ("B", "b", "house"),
    "c": ("B", "c", "client"),
    "d": ("D", "d", "house"),
}


GROUPS = {"A": "west", "D": "west", "B": "aa"}


POSITIONS = [
    *(("a", "X", 1000.0), ("g1", "X", -300.0), ("g2", "Y", 250.0), ("b", "Y", -700.0), ("c", "X", 444.0)),
    *(("d", "FX", 5.0), ("g1", "Y", 20.0)),
]


TIERS = ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"share_of_fund": 0.1}}, "survivors_fund"]


RULES = {"name": "test", "currency": "USD", "book": {"matched": False}, "tiers": TIERS, "fund": {"cover": 2}} | {
    "margin": {"confidence": 0.99, "lookback_days": 100, "liquidation_days": 2},
    "stress": {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.2, 0.5]}]},
}
