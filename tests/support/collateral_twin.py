"""What lines of collateral count for within the rulebook's limits, line by line: docs/reference/margin-models.md,
"Collateral", once more, plainly.

Lines are rows of the collateral table, `currency` filled in. Amounts are whole cents.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
WORDS = ("issuer", "issuer_group", "asset_class", "currency")


class Known:
    """What else the document speaks of: groups of members, classes of factors, the service currency."""

    def __init__(self, members: list[Row], classes: Mapping[str, str | None], service: str) -> None:
        self.group_of = {row["member_id"]: row.get("group_id") or row["member_id"] for row in members}
        self.classes, self.service = classes, service

    def belongs(self, name: str | None) -> str | None:
        """The group of an issuer: a group of the book is itself, a member's is that of the book."""
        return name if name in self.group_of.values() else self.group_of.get(str(name), name)

    def is_cash(self, line: Row) -> bool:
        stated = [line.get(name) for name in ("factor_id", "issuer_id", "issuer_group_id")]
        return line["currency"] == self.service and line["haircut"] == 0 and not any(stated)


def with_groups(lines: list[Row]) -> list[Row]:
    """The issuer's group: what any line of its paper states, or itself."""
    stated = {row["issuer_id"]: row["issuer_group_id"] for row in lines if row.get("issuer_group_id")}
    found = [
        row | {"issuer_group_id": row.get("issuer_group_id") or stated.get(row.get("issuer_id"), row.get("issuer_id"))}
        for row in lines
    ]
    return [row | issuer_of_neighbours(row, found) if is_unnamed(row) else row for row in found]


def is_unnamed(row: Row) -> bool:
    """Securities that say nothing of their issuer."""
    return bool(row.get("factor_id")) and not row.get("issuer_id") and not row.get("issuer_group_id")


def neighbours(row: Row, lines: list[Row]) -> list[Row]:
    """What the pool holds beside a line that the same factor moves, but what states another class than it states."""
    return [
        one
        for one in lines
        if (one["pool_id"], one.get("factor_id")) == (row["pool_id"], row.get("factor_id"))
        and (not one.get("asset_class") or not row.get("asset_class") or one["asset_class"] == row["asset_class"])
    ]


def issuer_of_neighbours(row: Row, lines: list[Row]) -> Row:
    """The one issuer, with its group, that neighbours of a line without one name; nothing where they name several."""
    near = [one for one in neighbours(row, lines) if not is_unnamed(one)]
    if len({one.get("issuer_id") or one["issuer_group_id"] for one in near}) != 1:
        return {}
    names = ("issuer_id", "issuer_group_id")
    return {name: next((one[name] for one in near if one.get(name)), None) for name in names}


def is_own_paper(line: Row, group: str, known: Known, lines: list[Row]) -> bool:
    """Of a line out of some with their issuers' groups, and the group of its pool's member."""
    if is_unnamed(line):
        return any(is_own_paper(one, group, known, lines) for one in neighbours(line, lines) if not is_unnamed(one))
    issuer = str(line.get("issuer_id"))
    return group in (known.group_of.get(issuer, issuer), known.belongs(line.get("issuer_group_id")))


def limits_in(rules: Row) -> dict[str, dict[str, float]]:
    found = {}
    for word in WORDS:
        stated = rules.get(f"{word}_limit")
        if word == "issuer" and rules.get("asset_limit") is not None:
            stated = rules["asset_limit"]
        if stated is not None:
            found[word] = stated if isinstance(stated, dict) else {"*": stated}
    return found


def name_for(word: str, line: Row, known: Known, shares: Row) -> tuple[str, str] | None:
    """What a limit counts a line under: ("a name", ...) or ("b stand-in", ...); None where it has no such limit."""
    if known.is_cash(line):
        return None
    factor, issuer, group = (line.get(name) for name in ("factor_id", "issuer_id", "issuer_group_id"))
    if word == "currency":
        limited = line["currency"] != known.service or known.service in shares
        key = ("a name", line["currency"]) if limited else None
    elif word == "asset_class":
        stated = line.get("asset_class") or known.classes.get(factor or "")
        key = ("a name", stated) if stated else ("b stand-in", "") if factor or group else None
    else:
        stated = (issuer or group) if word == "issuer" else known.belongs(group)
        key = ("a name", stated) if stated else ("b stand-in", factor) if factor else None
    if key is None or share_for(key, shares) is None:
        return None
    return key


def share_for(key: tuple[str, str], shares: Row) -> float | None:
    named = shares.get(key[1]) if key[0] == "a name" else None
    return named if named is not None else shares.get("*")


def shared(amount: int, weights: list[int]) -> list[int]:
    """By largest remainder, ties to the earlier one."""
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    result = [int(each) for each in exact]
    for place in sorted(range(len(weights)), key=lambda each: (result[each] - exact[each], each)):
        if sum(result) < amount:
            result[place] += 1
    return result


def left_of_lines(lines: list[Row], cents: list[int], rules: Row, required: int, known: Known) -> list[list[int]]:
    """Of the lines of one pool, after each limit in turn what is left of them, in the order given."""
    limits = limits_in(rules)
    order = sorted(range(len(lines)), key=lambda each: lines[each]["asset_id"])
    keys = {each: [name_for(word, lines[each], known, limits[word]) for word in limits] for each in order}
    alike: dict[tuple[Any, ...], list[int]] = {}
    for each in order:
        alike.setdefault(tuple(key or ("", "") for key in keys[each]), []).append(each)
    sums = sorted(alike)
    left, stages = dict(enumerate(cents)), []
    for place, word in enumerate(limits):
        amount = {one: sum(left[each] for each in alike[one]) for one in sums}
        after = dict(amount)
        for name in {one[place] for one in sums} - {("", "")}:
            mine = [one for one in sums if one[place] == name]
            most = required * Fraction(str(share_for(name, limits[word]))) // 1
            if sum(amount[one] for one in mine) > most:
                after |= dict(zip(mine, shared(int(most), [amount[one] for one in mine]), strict=True))
        for one in sums:
            if after[one] != amount[one]:
                left |= dict(zip(alike[one], shared(after[one], [left[each] for each in alike[one]]), strict=True))
        stages.append([left[each] for each in range(len(lines))])
    return stages


def parts_left(lines: list[Row], cents: list[int], rules: Row, required: int, known: Known) -> list[Fraction]:
    """Of every line of a pool, what is left of the sum that it belongs to over what that came to."""
    limits = limits_in(rules)
    keys = [tuple(name_for(word, line, known, limits[word]) for word in limits) for line in lines]
    last = [*[cents], *left_of_lines(lines, cents, rules, required, known)][-1]
    whole, rest = (dict.fromkeys(keys, 0) for _ in range(2))
    for key, before, after in zip(keys, cents, last, strict=True):
        whole[key] += before
        rest[key] += after
    return [Fraction(rest[key], whole[key]) if whole[key] else Fraction(1) for key in keys]
