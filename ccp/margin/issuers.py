"""Whose paper a line of collateral is, of what class and in what currency: what limits on collateral go by."""

from collections.abc import Mapping

import polars as pl

from ccp.book.roster import Roster
from ccp.market.case import Case
from ccp.rulebook.collateral import LIMITS, OTHERS

NAMED, UNNAMED = pl.lit("="), pl.lit("~")
"""What a key begins with: a name that the table or the market states, or what stands in for one."""


def without_issuer() -> pl.Expr:
    """Securities that state neither an issuer nor its group."""
    return pl.col("factor_id").is_not_null() & pl.coalesce("issuer_id", "issuer_group_id").is_null()


def neighbours(lines: pl.DataFrame) -> pl.DataFrame:
    """By `line` (its number) of securities that state no issuer, a row for each that states one beside it: in the same
    pool, moved by the same factor, and not of another class, if both state one. Columns of these end in `_near`."""
    numbered = lines.with_row_index("line")
    named, unnamed = numbered.filter(~without_issuer()), numbered.filter(without_issuer())
    pairs = unnamed.join(named, on=["pool_id", "factor_id"], suffix="_near")
    return pairs.filter((pl.col("asset_class") == pl.col("asset_class_near")).fill_null(True))


def named_by_neighbours(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines, with an issuer and its group for securities that state neither: those of their neighbours, if these
    name one. A limit is not got round by leaving out a name."""
    found = (
        neighbours(lines)
        .group_by("line")
        .agg(
            pl.coalesce("issuer_id_near", "issuer_group_id_near").n_unique().alias("names"),
            pl.col("issuer_id_near", "issuer_group_id_near").max(),
        )
    )
    sole = lines.with_row_index("line").join(
        found.filter(pl.col("names") == 1), on="line", how="left", maintain_order="left"
    )
    return sole.select(
        pl.coalesce(name, f"{name}_near").alias(name) if name in ("issuer_id", "issuer_group_id") else pl.col(name)
        for name in lines.columns
    )


def group_of(issuer: str, roster: Roster) -> pl.Expr:
    """The group that the issuers in a column belong to: a member's is that of the book, anybody else is one itself.

    Where a member is called as another's group is, it is the member in `issuer_id`, and the group in `issuer_group_id`.
    """
    known = set() if issuer == "issuer_id" else set(roster.groups)
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
    return of_both[0].equals(of_both[1])


def own_paper(lines: pl.DataFrame, pool_group: pl.Series, roster: Roster) -> pl.Series:
    """Which lines are paper of the group of their pool's own member, `pool_group`: worth nothing when it is needed.

    So are securities without an issuer beside such paper.
    """
    own = [(group_of(name, roster) == pl.lit(pool_group)).fill_null(False) for name in ("issuer_id", "issuer_group_id")]
    stated = lines.with_columns(pl.any_horizontal(own).alias("own"))
    beside = neighbours(stated).filter("own_near")["line"]
    return stated["own"] | pl.int_range(lines.height, dtype=pl.UInt32, eager=True).is_in(beside.unique().implode())


def cash(service: str) -> pl.Expr:
    """Cash in the service currency: it moves with nothing, is nobody's paper, and no limit reaches it."""
    plain = (pl.col("currency") == service) & (pl.col("haircut") == 0) & pl.col("factor_id").is_null()
    return plain & pl.col("issuer_group_id").is_null()


def limit_keys(lines: pl.DataFrame, case: Case, limits: Mapping[str, Mapping[str, float]]) -> pl.DataFrame:
    """By line, what each limit counts it under, null where it reaches it not.

    Paper of an issuer or class that nobody states is not free of limits: as one issuer's counts all that moves with one
    factor, as one class all paper without a class.
    """
    keys = _keys(lines, case, limits.get("currency", {}))
    reached = ~cash(case.rulebook.currency)
    return lines.select(pl.when(reached).then(keys[name]).alias(name) for name in limits)


def _keys(lines: pl.DataFrame, case: Case, currencies: Mapping[str, float]) -> dict[str, pl.Expr]:
    service, moved = case.rulebook.currency, UNNAMED + pl.col("factor_id")
    paper = pl.col("factor_id").is_not_null() | pl.col("issuer_group_id").is_not_null()
    foreign = (pl.col("currency") != service) | pl.lit(service in currencies)
    group = group_of("issuer_group_id", case.portfolio.roster)
    keys = (
        pl.coalesce(NAMED + pl.coalesce("issuer_id", "issuer_group_id"), moved),
        pl.coalesce(NAMED + group, moved),
        pl.coalesce(NAMED + pl.coalesce("asset_class", _class_of_factor(lines, case)), pl.when(paper).then(UNNAMED)),
        pl.when(foreign).then(NAMED + pl.col("currency")),
    )
    return dict(zip(LIMITS, keys, strict=True))


def _class_of_factor(lines: pl.DataFrame, case: Case) -> pl.Expr:
    names = lines["factor_id"].drop_nulls().unique().to_list()
    classes = dict(zip(names, case.market.kinds("asset_class", names), strict=True))
    return pl.col("factor_id").replace_strict(classes, default=None, return_dtype=pl.String)


def named(keys: pl.Series) -> list[str]:
    """The names that stand in a column of keys."""
    return [key[1:] for key in keys.drop_nulls().unique().to_list() if key.startswith("=")]


def share_of(key: str, shares: Mapping[str, float]) -> float | None:
    """The share that limits what stands under a key, None where nothing does."""
    name = key[1:] if key.startswith("=") else OTHERS
    return shares.get(name, shares.get(OTHERS))
