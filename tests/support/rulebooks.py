"""Rulebooks of a few tiers, for tests that say the rest themselves."""

from typing import Any

from ccp.rulebook.rulebook import Rulebook


def rulebook_of(tiers: list[Any], regulatory_capital: float | None = None, **fund: Any) -> Rulebook:
    document = {
        "name": "case",
        "currency": "EUR",
        "margin": {"confidence": 0.99, "lookback_days": 250, "liquidation_days": 1},
        "fund": fund,
        "regulatory_capital": regulatory_capital,
        "tiers": tiers,
    }
    return Rulebook.model_validate(document)
