"""Tables as HTML: every figure to the minor unit, readable by machines and by people who cannot see."""

from collections.abc import Sequence
from html import escape

from ccp.api.explored import View
from ccp.report.answer import compared_figures
from ccp.report.charts.waterfall import tier_name
from ccp.report.words import exact_amount
from ccp.screen.answer import bills

Cells = Sequence[str]


def table(name: str, heads: Cells, rows: Sequence[Cells], figures: range) -> str:
    """A table, `figures` the places of its columns of figures. It scrolls by itself where it is too wide."""
    kinds = [' class="figure"' if place in figures else "" for place in range(len(heads))]
    head = "".join(f'<th scope="col"{kind}>{escape(one)}</th>' for one, kind in zip(heads, kinds, strict=True))
    body = "".join(_row(row, kinds) for row in rows)
    label = f'role="region" aria-label="{escape(name)}" tabindex="0"'
    return f'<div class="ccp-table" {label}><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(row: Cells, kinds: Cells) -> str:
    first, *others = row
    cells = "".join(f"<td{kind}>{escape(one)}</td>" for one, kind in zip(others, kinds[1:], strict=True))
    return f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>'


def tiers_table(view: View) -> str:
    """The tiers of the event, in order."""
    digits = view.rulebook.currency_digits
    rows = [
        (
            tier_name(tier),
            tier["whose"],
            *(exact_amount(tier[name], digits) for name in ("owed", "available", "paid", "left")),
            tier["why"],
        )
        for tier in view.trace["tiers"]
    ]
    heads = ("tier", "whose money", "owed", "has", "pays", "still owed", "why it ends there")
    return table("Tiers of the waterfall", heads, rows, range(2, 6))


def bills_table(view: View, before: View) -> str:
    """Every member's bill, before and after."""
    digits = view.rulebook.currency_digits
    names = ("contribution_before", "contribution", "bill_before", "bill")
    rows = [
        (
            f"{row['member_id']}{' (defaults)' if row['defaults'] else ''}",
            row["group_id"],
            *(exact_amount(row[name], digits) for name in names),
            signed(row["change"], digits),
        )
        for row in bills(view, before).iter_rows(named=True)
    ]
    heads = (
        "member",
        "group",
        "contribution before",
        "contribution after",
        "bill before",
        "bill after",
        "change in bill",
    )
    return table("Bills by member", heads, rows, range(2, 7))


def coverage_table(view: View, before: View) -> str:
    """The figures of coverage, before and after."""
    digits = view.rulebook.currency_digits
    rows = [
        (
            name,
            *("-" if one is None else exact_amount(one, digits) for one in (then, now)),
            "-" if then is None or now is None else signed(round(now - then, digits), digits),
        )
        for name, then, now in compared_figures(before.coverage, view.coverage)
    ]
    return table("Coverage", (f"figure, {view.trace['currency']}", "before", "after", "change"), rows, range(1, 4))


def signed(change: float, digits: int) -> str:
    """A change with its sign; nothing where there is none."""
    return f"{change:+,.{digits}f}" if change else ""
