"""A rulebook that also runs its scenarios at another multiple of their shocks."""

from typing import Any

from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.with_rules import with_rules

Multiples = tuple[float, ...]


def with_multiple(rulebook: Rulebook, multiple: float) -> Rulebook:
    """The rulebook with a multiple among those that every scenario is run at, in each list of them.

    Nothing more extreme than before is to size the fund: where the rulebook calls no multiple implausible yet, those
    larger than all before are from now on. Raises InputError.
    """
    stress, ladders = rulebook.stress, rulebook.stress.hypothetical
    families = [one for one in (stress.historical, *ladders, stress.shifts) if one is not None]
    alone = stress.single_names.multiples_of_own_worst if stress.single_names else ()
    used = [family.multiples or stress.multiples for family in families]
    if stress.single_names is not None:
        used += [held for held in (stress.multiples if stress.single_names.sizes else (), alone) if held]
    if all(_with(held, multiple) == held for held in used):
        return rulebook
    rules: list[tuple[str, Any]] = [("stress.multiples", _with(stress.multiples, multiple))]
    if stress.historical is not None and stress.historical.multiples:
        rules.append(("stress.historical.multiples", _with(stress.historical.multiples, multiple)))
    if stress.rate_shifts is not None and stress.rate_shifts.multiples:
        rules.append(("stress.rate_shifts.multiples", _with(stress.rate_shifts.multiples, multiple)))
    if alone:
        rules.append(("stress.single_names.multiples_of_own_worst", _with(alone, multiple)))
    if any(ladder.multiples for ladder in ladders):
        written = [ladder.model_dump(mode="json", exclude={"multiples"}) for ladder in ladders]
        own = [{"multiples": _with(one.multiples, multiple)} if one.multiples else {} for one in ladders]
        rules.append(("stress.hypothetical", [one | its for one, its in zip(written, own, strict=True)]))
    if stress.plausible is None:
        rules.append(("stress.plausible", {"multiple": max(map(max, used))}))
    return with_rules(rulebook, rules)


def _with(held: Multiples, multiple: float) -> Multiples:
    """Multiples with one more, unless it is written as one of them is."""
    return held if any(f"{one:g}" == f"{multiple:g}" for one in held) else (*held, multiple)
