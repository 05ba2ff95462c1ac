"""A rulebook as the text of a YAML file: what differs from the defaults, tiers and ladders in their short forms."""

from collections.abc import Sequence
from io import StringIO
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

from ccp.rulebook.figures import Figure
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.stress import Ladder
from ccp.rulebook.tier_forms import PARI_PASSU
from ccp.rulebook.tiers import Named

Figures = dict[str, Figure]


def rulebook_text(rulebook: Rulebook, comments: Sequence[str] = ()) -> str:
    """The rulebook as a file that reads back as the same rulebook, its figures in their places; `comments` on top."""
    figures = {figure.path: figure for figure in rulebook.figures}
    document = _mapping(rulebook, "", figures)
    yaml, out = YAML(typ="safe", pure=True), StringIO()
    yaml.default_flow_style, yaml.sort_base_mapping_type_on_output = None, False  # type: ignore[assignment]
    yaml.width = 120
    yaml.dump(document, out)
    lines = [f"# {' '.join(line.split())}" for line in comments]
    return "".join(f"{line}\n" for line in lines) + out.getvalue()


def _mapping(model: BaseModel, path: str, figures: Figures) -> dict[str, Any]:
    """A part of the rulebook, without what is as it would be anyway."""
    written = {}
    for name, field in type(model).model_fields.items():
        value, key = getattr(model, name), field.alias or name
        place = f"{path}.{key}" if path else key
        stated = any(one == place or one.startswith(f"{place}.") for one in figures)
        if name == "figures" or (not stated and value == field.get_default(call_default_factory=True)):
            continue
        written[key] = _written(value, place, figures)
    return written


def _written(value: Any, path: str, figures: Figures) -> Any:
    """A value as it stands in a file."""
    if path in figures:
        return _plain_mapping(figures[path])
    if isinstance(value, Named):
        return _tier(value, path, figures)
    if isinstance(value, Ladder):
        details = _mapping(value, path, figures)
        return details if len(details) > 1 else value.ladder
    if isinstance(value, BaseModel):
        return _mapping(value, path, figures)
    if isinstance(value, tuple):
        return [_written(one, f"{path}.{place}", figures) for place, one in enumerate(value)]
    return _number(value)


def _tier(tier: Named, path: str, figures: Figures) -> Any:
    """A tier as its word, as its word with details, or, side by side with a name, spelled out."""
    details = _mapping(tier, path, figures)
    if tier.word == PARI_PASSU:
        return {PARI_PASSU: details["parts"]} if len(details) == 1 else {"tier": tier.word, **details}
    return {tier.word: details} if details else tier.word


def _plain_mapping(figure: Figure) -> dict[str, Any]:
    """A figure as a file has it: the value first."""
    stated = {name: getattr(figure, name) for name in ("value", "unit", "date", "source", "assumed", "reason")}
    return {name: _number(value) for name, value in stated.items() if name == "value" or value}


def _number(value: Any) -> Any:
    """Whole numbers without a decimal point, as people write them."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return int(value) if whole else value
