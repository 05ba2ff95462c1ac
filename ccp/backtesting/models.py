"""The margin models that are set side by side: a rulebook's own, and the usual ones at its confidence and look-back."""

from typing import Any

from ccp.errors import refuse_argument
from ccp.rulebook.margin import MarginRules

OWN = "rulebook"
VARIANTS: dict[str, dict[str, Any]] = {
    "historical-var": {"measure": "value_at_risk"},
    "historical-es": {"measure": "expected_shortfall"},
    "filtered": {"measure": "expected_shortfall", "model": "filtered"},
    "filtered-mid": {"measure": "expected_shortfall", "model": "filtered", "filter": {"scaling": "mid"}},
    "weighted": {"measure": "expected_shortfall", "model": "weighted"},
    "parametric": {"measure": "expected_shortfall", "model": "parametric", "parametric": {"decay": 0.97}},
    "stress-blend": {"measure": "expected_shortfall", "stress_period": {"weight": 0.25}},
    "stress-sample": {"measure": "expected_shortfall", "stress_period": {"weight": 0.25, "reading": "sample"}},
    "floor": {"measure": "expected_shortfall", "floor": {}},
    "buffer": {"measure": "expected_shortfall", "buffer": {"share": 0.25}},
}
"""What each model changes of plain historical simulation; the rest of its words have their defaults."""


def margin_models(own: MarginRules, names: list[str] | None) -> dict[str, MarginRules]:
    """The models asked for, by name; None: all of them. Raises InputError for a name that is none."""
    known = [OWN, *VARIANTS]
    if names is not None and not names:
        raise refuse_argument("models", f"at least one model was expected; there are {', '.join(known)}")
    for name in names or ():
        if name not in known:
            raise refuse_argument("models", f"no such model; there are {', '.join(known)}", value=name)
    shared = own.model_dump(include={"confidence", "lookback_days", "liquidation_days", "quantile", "liquidation"})
    return {
        name: own if name == OWN else MarginRules.model_validate(shared | VARIANTS[name])
        for name in known
        if names is None or name in names
    }
