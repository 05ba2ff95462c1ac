"""The story of one event: as text line by line, and as a waterfall of bars for the terminal."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.report.together import event_sentences
from ccp.report.words import defaulting, exact_amount, listed, share
from ccp.rulebook.tier_kind import SURVIVORS, SURVIVORS_FUNDED
from ccp.rulebook.tier_table import UNCOVERED, label_of

BAR_WIDTH = 24
SHOWN_SURVIVORS = 10


def story_text(trace: dict[str, Any], digits: int) -> str:
    """Everything in a trace, line by line, for reading and for printing."""
    lines = [
        f"{trace['rulebook']}, {trace['date']}, amounts in {trace['currency']}",
        f"Default of {listed(trace['defaulters'])} in '{trace['scenario_id']}'",
        f"  what happens: {trace['scenario']}",
        f"  from: {trace['provenance']}; fund in force: what is {trace['fund_in_force']}",
        "",
        "Pools of the defaulters (a negative loss is a gain and stays with its owner)",
        *_aligned(trace["pools"], _pool_columns(trace), digits),
        *(f"  {line}" for line in event_sentences(trace, digits)),
        "",
        "Members: shortfalls of their pools over margin, and what their house surplus pays of them",
        *_aligned(trace["members"], ("member_id", "loss", "short", "house_surplus_used", "over_margin"), digits),
        "",
        f"Loss to be paid: {exact_amount(trace['loss'], digits)}",
        "",
    ]
    lines += tier_lines(trace, digits)
    for one in trace.get("rounds", [])[1:]:
        lines += ["", f"Round {one['round']}: {listed(one['defaulters'])} {defaulting(one['defaulters'])} as well,"]
        lines += [f"their capital used up. Loss to be paid: {exact_amount(one['loss'], digits)}", ""]
        lines += tier_lines(one, digits)
    if trace.get("rounds"):
        last, whole = trace["rounds"][-1]["round"], trace["all_rounds"]
        lines += ["", f"Contagion: {last} {'round' if last == 1 else 'rounds'}; in the last nobody new fails."]
        lines += ["All rounds together", *whose_lines(whole["by_stakeholder"], digits)]
        lines += [f"Losses in all: {exact_amount(whole['loss'], digits)}"]
    return "\n".join(lines)


def _pool_columns(trace: dict[str, Any]) -> tuple[str, ...]:
    costs = ("cost",) if any("cost" in pool for pool in trace["pools"]) else ()
    return ("member_id", "pool_id", "kind", *costs, "loss", "margin", "short")


def tier_lines(trace: dict[str, Any], digits: int) -> list[str]:
    """Every tier with its payers, who paid in all, and the sums that prove that every cent is paid once."""
    lines = [line for tier in trace["tiers"] for line in _tier_lines(tier, digits)]
    lines += ["", "Who pays in all", *whose_lines(trace["by_stakeholder"], digits)]
    return [*lines, "", _sum_line(trace, digits)]


def whose_lines(amounts: dict[str, float], digits: int) -> list[str]:
    """Amounts by stakeholder, one a line."""
    cells = [(name, exact_amount(amount, digits)) for name, amount in amounts.items()]
    names, width = (max(len(cell[place]) for cell in cells) for place in (0, 1))
    return [f"  {name.ljust(names)}  {amount.rjust(width)}" for name, amount in cells]


def _aligned(rows: list[dict[str, Any]], columns: tuple[str, ...], digits: int) -> list[str]:
    """Rows of a trace as columns of text: names to the left, amounts to the right."""
    cells = [[column.replace("_id", "").replace("_", " ") for column in columns]]
    for row in rows:
        values = [row[column] for column in columns]
        cells.append([value if isinstance(value, str) else exact_amount(value, digits) for value in values])
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    text = [bool(rows) and isinstance(rows[0][column], str) for column in columns]
    return [
        "  "
        + "  ".join(cell.ljust(w) if left else cell.rjust(w) for cell, w, left in zip(line, widths, text, strict=True))
        for line in cells
    ]


def _tier_lines(tier: dict[str, Any], digits: int) -> list[str]:
    named = f"{tier['tier']} ({tier['name']})" if tier["name"] else tier["tier"]
    head = f"{tier['place']}. {named}: {tier['rule']}"
    lines = [head, f"   owed {exact_amount(tier['owed'], digits)}"]
    if tier["tier"] != UNCOVERED:
        lines[1] += f", has {exact_amount(tier['available'], digits)}, pays {exact_amount(tier['paid'], digits)}"
        lines[1] += f", leaves {exact_amount(tier['left'], digits)}"
    lines[1] += f" ({tier['why']})"
    return lines + [f"     {_payer_line(payer, digits)}" for payer in tier["payers"]]


def _payer_line(payer: dict[str, Any], digits: int) -> str:
    """What one pays, out of what weight, and whether rounding added the last minor unit."""
    line = f"{payer['member_id']} {exact_amount(payer['paid'], digits)}"
    if "weight" in payer:
        line += f" by its weight of {exact_amount(payer['weight'], digits)} ({payer['share']:.4%} of the total)"
        line += f", {exact_amount(payer['rounded_up'], digits)} of it by rounding" if payer["rounded_up"] else ""
    return line


def _sum_line(trace: dict[str, Any], digits: int) -> str:
    paid, nobody = exact_amount(trace["paid"], digits), exact_amount(trace["uncovered"], digits)
    verdict = "it adds up" if trace["adds_up"] else "IT DOES NOT ADD UP"
    return f"Paid {paid} + uncovered {nobody} = loss {exact_amount(trace['loss'], digits)}: {verdict}"


def waterfall_bars(trace: dict[str, Any], digits: int) -> RenderableType:
    """The event's waterfall: a bar a tier, used and unused, with amounts; then what each survivor pays."""
    title = Text("\n")
    title.append(f"If {listed(trace['defaulters'])} {defaulting(trace['defaulters'])}", style="bold")
    title.append(f" in '{trace['scenario_id']}' ({trace['scenario']}), the loss is ")
    title.append(f"{trace['currency']} {exact_amount(trace['loss'], digits)}", style="bold")
    said = [Text(line) for line in event_sentences(trace, digits)]
    return Group(title, *said, _bars(trace, digits), *_survivors(trace, digits))


def _bars(trace: dict[str, Any], digits: int) -> Table:
    largest = max([tier["available"] for tier in trace["tiers"]] + [trace["uncovered"], 0.01])
    table = Table(box=None, pad_edge=False)
    table.add_column("tier", overflow="fold", min_width=13)
    table.add_column("used \u2588 unused \u2591", no_wrap=True, width=BAR_WIDTH)
    table.add_column("pays", justify="right", no_wrap=True)
    table.add_column("of", justify="right", no_wrap=True)
    for tier in trace["tiers"]:
        nobody = tier["tier"] == UNCOVERED
        bar = _bar(tier["paid"], tier["available"], largest)
        style = "red" if nobody and tier["paid"] else ""
        of = "" if nobody else exact_amount(tier["available"], digits)
        table.add_row(label_of(tier["tier"]), Text(bar), exact_amount(tier["paid"], digits), of, style=style)
    return table


def _bar(used: float, available: float, largest: float) -> str:
    """Whole blocks; anything used or left shows at least one."""
    whole = max(round(BAR_WIDTH * available / largest), int(available > 0))
    full = round(whole * used / available) if available else 0
    if used and not full:
        full = 1
    if used < available and full == whole:
        full, whole = (full - 1, whole) if whole > 1 else (1, 2)
    return "\u2588" * full + "\u2591" * (whole - full)


def _survivors(trace: dict[str, Any], digits: int) -> list[RenderableType]:
    """What each survivor pays in all tiers, the largest bills first."""
    tiers = [tier for tier in trace["tiers"] if tier["whose"] in SURVIVORS]
    bills: dict[str, float] = {}
    for payer in (payer for tier in tiers for payer in tier["payers"]):
        bills[payer["member_id"]] = bills.get(payer["member_id"], 0.0) + payer["paid"]
    if not bills:
        return [Text("No survivor pays anything.")]
    payers = [{"member_id": name, "paid": paid} for name, paid in bills.items()]
    payers.sort(key=lambda payer: (-payer["paid"], payer["member_id"]))
    funds = [tier for tier in tiers if tier["whose"] == SURVIVORS_FUNDED.name and tier["available"]]
    used = sum(tier["paid"] for tier in funds) / sum(tier["available"] for tier in funds) if funds else None
    words = f"{share(used)} of their contributions" if used is not None else "no contributions"
    words += " and more" if sum(tier["paid"] for tier in tiers if tier not in funds) else ""
    heading = Text(f"\nWhat the survivors pay: {words}", style="bold")
    table = Table(box=None, pad_edge=False)
    shown, rest = payers[:SHOWN_SURVIVORS], payers[SHOWN_SURVIVORS:]
    rows = [(payer["member_id"], payer["paid"]) for payer in shown]
    if rest:
        rows.append((f"{len(rest)} others", sum(payer["paid"] for payer in rest)))
    half = -(-len(rows) // 2)
    for name in ("survivor", "pays", "survivor", "pays"):
        amounts = name == "pays"
        table.add_column(name, justify="right" if amounts else "left", no_wrap=amounts, overflow="fold")
    for place in range(half):
        right = rows[half + place] if half + place < len(rows) else ("", None)
        table.add_row(*_cells(rows[place], digits), *_cells(right, digits))
    return [heading, table]


def _cells(row: tuple[str, float | None], digits: int) -> tuple[str, str]:
    return row[0], "" if row[1] is None else exact_amount(row[1], digits)
