"""A sized fund as the figures of `coverage.json`. Money leaves in units of the service currency."""

from typing import Any

import numpy as np

from ccp.margin.collateral import holdings
from ccp.margin.collateral_counts import line_counts
from ccp.money import to_units
from ccp.rulebook.tier_kind import INSURER
from ccp.sizing.cover import Cover
from ccp.sizing.coverage import LeftUncovered
from ccp.sizing.liquidation import liquidations
from ccp.sizing.size import Sized
from ccp.sizing.sold_together import SoldTogether
from ccp.sizing.worst_set import losing


def coverage_figures(sized: Sized) -> dict[str, Any]:
    """Everything `coverage.json` states: cover figures, the fund, prefunded resources, the coverage test."""
    rulebook, digits = sized.rules, sized.digits
    everything = np.ones_like(sized.counted)
    prefunded = sized.plan.prefunded(sized.cover.groups)
    beyond = {number: sized.cover_over(everything, number) for number in sized.sets}
    return {
        "rulebook": rulebook.name,
        "date": sized.case.date.isoformat(),
        "currency": rulebook.currency,
        "cover": sized.cover_count,
        **{f"cover_{n}": _cover(sized, cover) for n, cover in sized.covers.items()},
        "emir_42_3": _cover(sized, sized.emir),
        "all_scenarios": {f"cover_{n}": _cover(sized, cover) for n, cover in beyond.items()},
        "cover_n_by_margin_counted": _by_resources(sized),
        "sold_together": _sold_together(sized),
        "fund": {
            "required": _units(sized.fund.required, digits),
            "bound_by": sized.fund.bound_by,
            "buffer": rulebook.fund.buffer,
            "floor": rulebook.fund.floor,
            "posted": None if sized.posted is None else _units(int(sized.posted.sum()), digits),
            "in_force": sized.in_force,
        },
        "ccp_capital": _units(sized.plan.capital, digits),
        "insurance": _units(sized.plan.size_of(lambda kind: kind.stakeholder is INSURER), digits),
        "prefunded": _units(prefunded, digits),
        "coverage_ratio": prefunded / sized.cover.amount if sized.cover.amount else None,
        "coverage_test": {
            "sizing_scenarios": _test(sized, sized.tested),
            "all_scenarios": _test(sized, sized.test_over(everything)),
            "sizing_scenarios_if_required_fund_is_posted": _test_if_required(sized),
        },
        "margin": _units(int(sized.found.pool_margin.sum()), digits),
        "margin_held": _margin_held(sized),
        "liquidation": _liquidation(sized),
        "scenarios": {"run": sized.scenarios.count, "sizing": int(sized.counted.sum())},
        "coverage_of_scenarios": _scenario_counts(sized),
    }


def _units(cents: int, digits: int) -> float:
    return float(to_units(cents, digits))


def _cover(sized: Sized, cover: Cover) -> dict[str, Any]:
    digits, groups = sized.digits, tuple(cover.groups)
    losses = sized.losses.of_groups(cover.scenario, groups)
    return {
        "amount": _units(cover.amount, digits),
        "found": _units(cover.found, digits),
        **_proved(cover),
        "scenario_id": sized.scenarios.ids[cover.scenario],
        "groups": [sized.plan.groups[group] for group in groups],
        "losses": [_units(int(loss), digits) for loss in losses],
        "made_by": [sized.plan.groups[group] for group in losing(sized.losses, cover.scenario, groups)],
    }


def _proved(worst: Cover) -> dict[str, Any]:
    """Whether the worst of some scenarios is proved, and how much leaves it open: nothing where it is."""
    left = (0, 0) if worst.proved else (worst.open_scenarios, worst.open_windows)
    return {"proved": worst.proved} | dict(zip(("open_scenarios", "open_windows"), left, strict=True))


def _left(worst: LeftUncovered, digits: int) -> dict[str, Any]:
    """What no set leaves more uncovered than, or less over, in some scenarios, and what the one that is told does."""
    return {
        "passed": worst.amount <= 0,
        "uncovered": _units(max(worst.amount, 0), digits),
        "headroom": _units(max(-worst.amount, 0), digits),
        "found_uncovered": _units(max(worst.found, 0), digits),
        "found_headroom": _units(max(-worst.found, 0), digits),
        **_proved(worst),
    }


def _sold_together(sized: Sized) -> dict[str, Any] | None:
    """What the groups of cover-N lose more for defaulting together, and what part of cover-N and of the fund that is;
    None where nothing is sold at a cost and nobody holds another's paper."""
    found = sized.sold(*sized.worst_event)
    wholes = {"share_of_cover": sized.cover.found, "share_of_fund": sized.fund.required}
    return None if found is None else parts_together(found, wholes, sized.digits)


def parts_together(found: SoldTogether, wholes: dict[str, int], digits: int) -> dict[str, Any]:
    """What a set loses more together and both parts of it, in units, each with its share of some amounts in cents."""

    def part(more: int) -> dict[str, float | None]:
        shares = {name: more / whole if whole else None for name, whole in wholes.items()}
        return {"more_over_margin": _units(more, digits), **shares}

    costs = {"cost": _units(found.cost, digits), "cost_alone": _units(found.cost_alone, digits)}
    return {**costs, **part(found.more), "for_sale": part(found.for_sale), "for_paper": part(found.for_paper)}


def _by_resources(sized: Sized) -> dict[str, float]:
    """Cover-N under each way of counting margin; they differ only where the book has collateral."""
    return {way: _units(one.amount, sized.digits) for way, one in sized.covers_by_resources.items()}


def _test(sized: Sized, worst: LeftUncovered) -> dict[str, Any]:
    digits, groups = sized.digits, worst.groups
    own = int(sized.plan.group_contributions[groups].sum())
    losses = sized.losses.of_groups(worst.scenario, groups)
    return {
        **_left(worst, digits),
        "scenario_id": sized.scenarios.ids[worst.scenario],
        "defaulters": [sized.plan.groups[group] for group in groups],
        "losses": [_units(int(loss), digits) for loss in losses],
        "survivors_fund": _units(sized.plan.fund - own, digits),
        "defaulters_share_of_fund": own / sized.plan.fund if sized.plan.fund else None,
    }


def _test_if_required(sized: Sized) -> dict[str, Any]:
    """The coverage test again, as if every member had paid in what is required of it."""
    worst = sized.tested_if_required
    return {
        **_left(worst, sized.digits),
        "scenario_id": sized.scenarios.ids[worst.scenario],
        "defaulters": [sized.plan.groups[group] for group in worst.groups],
    }


def _margin_held(sized: Sized) -> dict[str, Any] | None:
    """What pools hold after haircut against what is required of each; None where the book says nothing of it."""
    found, digits = sized.found, sized.digits
    if found.pool_held is None:
        return None
    missing = np.maximum(found.pool_margin - found.pool_held, 0)
    lines = holdings(sized.case)
    assert lines is not None
    cut = line_counts(lines, found.pool_margin, digits).totals
    return {
        "held": _units(int(found.pool_held.sum()), digits),
        "not_counted": {name: _units(total, digits) for name, total in cut.items()},
        "missing": _units(int(missing.sum()), digits),
        "pools_short": int((missing > 0).sum()),
    }


def _liquidation(sized: Sized) -> dict[str, Any]:
    """How long it takes to sell the books of the groups of cover-N."""
    case, groups = sized.case, sized.cover.groups
    names = case.portfolio.instruments
    return {
        "participation": case.rulebook.close_out.participation,
        "groups": [
            {
                "group_id": case.portfolio.groups[group],
                "days": found.days,
                "instrument_id": None if found.instrument is None else names[found.instrument],
                "quantity": found.quantity,
                "average_daily_volume": found.volume,
                "instruments": found.held,
                "instruments_without_volume": found.volumeless,
            }
            for group, found in zip(groups, liquidations(case, groups), strict=True)
        ],
    }


def _scenario_counts(sized: Sized) -> dict[str, int]:
    """How many scenarios stay inside margin, draw on prefunded resources, and go beyond them."""
    cover = sized.sets[sized.cover_count].bound
    beyond = sized.coverage.uncovered > 0
    return {
        "inside_margin": int(((cover == 0) & ~beyond).sum()),
        "inside_prefunded": int(((cover > 0) & ~beyond).sum()),
        "beyond_prefunded": int(beyond.sum()),
        "not_proved": int((~(sized.sets[sized.cover_count].proved & sized.coverage.proved)).sum()),
    }
