"""Whose paper a line of collateral is, of what class and in what currency: what limits on collateral go by."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from ccp.book.roster import Roster
from ccp.market.case import Case
from ccp.rulebook.collateral import LIMITS, OTHERS

NAMED, UNNAMED = pl.lit("="), pl.lit("~")
"""What a key begins with: a name that the table or the market states, or what stands in for one."""


@dataclass(frozen=True)
class NamedByFactor:
    """By factor, whose paper the lines that it moves are, where they say so: issuers, their groups, and all groups that
    either belongs to. What stands for those lines that do not say."""

    issuers: dict[str, set[str]]
    groups: dict[str, set[str]]
    owners: dict[str, set[str]]

    def of(self, limit: str) -> dict[str, set[str]]:
        """The names that a limit goes by."""
        return {"issuer": self.issuers, "issuer_group": self.groups}.get(limit, {})


def named_by_factor(lines: pl.DataFrame, roster: Roster) -> NamedByFactor:
    """What lines of collateral with an issuer, or its group, say of the factor that moves them."""
    found = NamedByFactor({}, {}, {})
    stated = lines.filter(pl.col("factor_id").is_not_null() & pl.col("issuer_group_id").is_not_null())
    names = stated.select(
        "factor_id",
        pl.coalesce("issuer_id", "issuer_group_id").alias("issuer"),
        group_of("issuer_group_id", roster).alias("group"),
        pl.coalesce(group_of("issuer_id", roster), group_of("issuer_group_id", roster)).alias("owner"),
    )
    for factor, issuer, group, owner in names.unique().iter_rows():
        found.issuers.setdefault(factor, set()).add(issuer)
        found.groups.setdefault(factor, set()).add(group)
        found.owners.setdefault(factor, set()).update((group, owner))
    return found


def without_issuer() -> pl.Expr:
    """Securities that state neither an issuer nor its group."""
    return pl.col("factor_id").is_not_null() & pl.coalesce("issuer_id", "issuer_group_id").is_null()


def group_of(issuer: str, roster: Roster) -> pl.Expr:
    """The group that the issuers in a column belong to: a member's is that of the book, anybody else is one itself."""
    known = set(roster.groups)
    groups = zip(roster.members, roster.member_groups(), strict=True)
    return pl.col(issuer).replace({name: group for name, group in groups if name not in known})


def same_groups(before: Case, now: Case) -> bool:
    """Whether whoever issued collateral belongs to the same group in both cases, whatever members came and left."""
    lines = now.book.collateral
    if lines is None:
        return True
    of_both = [
        lines.select(group_of(name, case.portfolio.roster) for name in ("issuer_id", "issuer_group_id"))
        for case in (before, now)
    ]
    return of_both[0].equals(of_both[1]) and _unnamed_alike(before, now)


def _unnamed_alike(before: Case, now: Case) -> bool:
    """Whether the securities without an issuer that are there now are taken for the same issuers' as before."""
    was, lines = before.book.collateral, now.book.collateral
    if was is None or lines is None:
        return was is lines
    unnamed = lines.filter(without_issuer())["factor_id"].unique().to_list()
    first, then = named_by_factor(was, before.portfolio.roster), named_by_factor(lines, now.portfolio.roster)
    pairs = ((first.issuers, then.issuers), (first.groups, then.groups), (first.owners, then.owners))
    return all(one.get(factor) == other.get(factor) for one, other in pairs for factor in unnamed)


def own_paper(lines: pl.DataFrame, pool_group: pl.Series, roster: Roster) -> pl.Series:
    """Which lines are paper of the group of their pool's own member, `pool_group`: worth nothing when it is needed.

    Securities without an issuer are, where lines that the same factor moves name that group, alone or among others.
    """
    own = [(group_of(name, roster) == pl.lit(pool_group)).fill_null(False) for name in ("issuer_id", "issuer_group_id")]
    owners = named_by_factor(lines, roster).owners
    pairs = [f"{factor}\n{group}" for factor, groups in owners.items() for group in groups]
    pair = pl.concat_str([pl.col("factor_id"), pl.lit(pool_group)], separator="\n")
    own.append((without_issuer() & pair.is_in(pairs)).fill_null(False))
    return lines.select(pl.any_horizontal(own).alias("own"))["own"]


def cash(service: str) -> pl.Expr:
    """Cash in the service currency: it moves with nothing, is nobody's paper, and no limit reaches it."""
    plain = (pl.col("currency") == service) & (pl.col("haircut") == 0) & pl.col("factor_id").is_null()
    return plain & pl.col("issuer_group_id").is_null()


def limit_keys(lines: pl.DataFrame, case: Case, limits: Mapping[str, Mapping[str, float]]) -> pl.DataFrame:
    """By line, what each limit counts it under, null where it reaches it not.

    Paper of an issuer or class that nobody states is not free of limits. It counts as that of the one issuer which
    other lines name for its factor, else as one of its own, all that moves with one factor; as one class all paper
    without a class.
    """
    keys = _keys(lines, case, limits.get("currency", {}))
    reached = ~cash(case.rulebook.currency)
    return lines.select(pl.when(reached).then(keys[name]).alias(name) for name in limits)


def _keys(lines: pl.DataFrame, case: Case, currencies: Mapping[str, float]) -> dict[str, pl.Expr]:
    service, known = case.rulebook.currency, named_by_factor(lines, case.portfolio.roster)
    paper = pl.col("factor_id").is_not_null() | pl.col("issuer_group_id").is_not_null()
    foreign = (pl.col("currency") != service) | pl.lit(service in currencies)
    group = group_of("issuer_group_id", case.portfolio.roster)
    keys = (
        pl.coalesce(NAMED + pl.coalesce("issuer_id", "issuer_group_id"), _of_factor(known.issuers)),
        pl.coalesce(NAMED + group, _of_factor(known.groups)),
        pl.coalesce(NAMED + pl.coalesce("asset_class", _class_of_factor(lines, case)), pl.when(paper).then(UNNAMED)),
        pl.when(foreign).then(NAMED + pl.col("currency")),
    )
    return dict(zip(LIMITS, keys, strict=True))


def _of_factor(names: Mapping[str, set[str]]) -> pl.Expr:
    """The key of a factor's securities that nobody names: that of the one name, or what stands in for it."""
    sole = {factor: f"={min(those)}" for factor, those in names.items() if len(those) == 1}
    known = pl.col("factor_id").replace_strict(sole, default=None, return_dtype=pl.String)
    return pl.coalesce(known, UNNAMED + pl.col("factor_id"))


def _class_of_factor(lines: pl.DataFrame, case: Case) -> pl.Expr:
    names = lines["factor_id"].drop_nulls().unique().to_list()
    classes = dict(zip(names, case.market.kinds("asset_class", names), strict=True))
    return pl.col("factor_id").replace_strict(classes, default=None, return_dtype=pl.String)


def named(keys: pl.Series) -> list[str]:
    """The names that stand in a column of keys."""
    return [key[1:] for key in keys.drop_nulls().unique().to_list() if key.startswith("=")]


def share_of(key: str, shares: Mapping[str, float], names: Mapping[str, set[str]]) -> float | None:
    """The share that limits what stands under a key, None where nothing does.

    `names` are by factor what its other lines name: what stands in for several has the smallest share of any of them.
    """
    if key.startswith("="):
        return shares.get(key[1:], shares.get(OTHERS))
    stated = [shares.get(name) for name in (*names.get(key[1:], ()), OTHERS)]
    return min((share for share in stated if share is not None), default=None)
