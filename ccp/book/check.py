"""How a book's tables refer to each other, and what an instrument must state."""

import polars as pl

from ccp.book.order import in_order
from ccp.errors import SHOWN, Problem
from ccp.products import LIMITS, PRODUCTS, Product, own_columns, owners

Tables = dict[str, pl.DataFrame]

MATCH_TOLERANCE = 1e-9
"""How far quantities may miss zero, as a share of the gross quantity: float64 sums of whole lots are exact, sums of
fractions are not."""


class Findings:
    """Problems gathered over all tables: the first of each kind, and the count of all."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.total = 0

    def add(self, problems: list[Problem], total: int | None = None) -> None:
        """Add problems; `total` counts those that are not listed too."""
        self.problems += problems
        self.total += len(problems) if total is None else total

    def missing_table(self, name: str) -> None:
        """A required table has no file."""
        self.add([Problem(name, f"this table is required: {name}.parquet or {name}.csv in the book's directory")])

    def _cells(self) -> set[tuple[str, str | None, int | None]]:
        return {(one.source, one.field, one.row) for one in self.problems}

    def told(self, problem: Problem) -> bool:
        """Whether the problem's cell has a problem already: what follows from it need not be said."""
        return (problem.source, problem.field, problem.row) in self._cells()

    def rows(self, source: str, table: pl.DataFrame, wrong: pl.Expr, field: str, expected: str) -> None:
        """Every row of `table` where `wrong` holds, as a problem with its value."""
        self.mask(source, table[field], table.select(wrong.fill_null(False).alias("wrong"))["wrong"], expected)

    def mask(self, source: str, values: pl.Series, wrong: pl.Series, expected: str) -> None:
        """Every place of `values` where `wrong` is true, without cells that have a problem already."""
        places = wrong.arg_true()
        told = [row for one, field, row in self._cells() if (one, field) == (source, values.name)]
        if None in told:
            return  # the whole column has been refused
        places = places.filter(~(places + 1).is_in(told))
        shown = [
            Problem(source, expected, field=values.name, value=_plain(values[place]), row=place + 1)
            for place in places.head(SHOWN).to_list()
        ]
        self.add(shown, len(places))


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int | float | bool) else str(value)


def check_references(tables: Tables, sources: dict[str, str], matched: bool, findings: Findings) -> None:
    """Check everything that one table alone cannot tell. Tables that could not be read are passed over."""
    usable = {name: table for name, table in tables.items() if table.height}
    source = {name: sources.get(name, name) for name in tables}
    if "accounts" in usable and "members" in usable:
        _unknown(
            usable["accounts"], "member_id", usable["members"]["member_id"], source["accounts"], "members", findings
        )
    if "positions" in usable:
        known = {table: usable[table][key] for table, key in HOLDERS.items() if table in usable}
        check_holders(usable["positions"], known, source["positions"], findings)
    if "members" in usable:
        _contributions(usable["members"], source["members"], findings)
    if "accounts" in usable:
        _pools(usable["accounts"], source["accounts"], findings)
    if "accounts" in usable and "collateral" in usable:
        pools = usable["accounts"].select(pl.coalesce("pool_id", "account_id").alias("pool_id"))["pool_id"]
        _unknown(usable["collateral"], "pool_id", pools, source["collateral"], "accounts", findings)
    if "collateral" in usable:
        _issuers(usable["collateral"], source["collateral"], findings)
    if "instruments" in usable:
        _instruments(usable["instruments"], source["instruments"], findings)
    if matched and "positions" in usable and "instruments" in usable:
        sums = _sums(usable["positions"], usable["instruments"])
        check_matched(sums, source["positions"], findings)


HOLDERS = {"accounts": "account_id", "instruments": "instrument_id"}
"""The tables that positions refer to, and by which column."""


def check_holders(positions: pl.DataFrame, known: dict[str, pl.Series], source: str, findings: Findings) -> None:
    """Every account and every instrument of the positions must be among those known, by table."""
    for table, ids in known.items():
        _unknown(positions, HOLDERS[table], ids, source, table, findings)


def _unknown(table: pl.DataFrame, key: str, known: pl.Series, source: str, target: str, findings: Findings) -> None:
    if known.null_count() == len(known):
        return  # the target's column is missing, and has been reported
    wrong = table[key].is_not_null() & ~table[key].is_in(known.drop_nulls().unique().implode())
    findings.mask(source, table[key], wrong, f"unknown; the {target} table has no such {key}")


def _contributions(members: pl.DataFrame, source: str, findings: Findings) -> None:
    stated = members["fund_contribution"].is_not_null()
    if stated.any():
        findings.mask(
            source,
            members["fund_contribution"],
            ~stated,
            "a value was expected, since other members state theirs",
        )


def _pools(accounts: pl.DataFrame, source: str, findings: Findings) -> None:
    pool = pl.coalesce("pool_id", "account_id")
    for field in ("member_id", "kind"):
        mixed = accounts.select((pl.col(field) != pl.col(field).first()).over(pool).alias("mixed"))["mixed"]
        expected = f"a pool's accounts must have the same {field}, another account of the pool has a different one"
        findings.mask(source, accounts.select(pool.alias("pool_id"))["pool_id"], mixed.fill_null(False), expected)


def _issuers(collateral: pl.DataFrame, source: str, findings: Findings) -> None:
    """An issuer belongs to one group."""
    stated = pl.col("issuer_group_id")
    other = pl.col("issuer_id").is_not_null() & (stated != stated.drop_nulls().first().over("issuer_id"))
    expected = "an issuer belongs to one group, another line of this issuer states a different one"
    findings.rows(source, collateral, other, "issuer_group_id", expected)


def _instruments(instruments: pl.DataFrame, source: str, findings: Findings) -> None:
    """What the row of each instrument's product asks of it."""
    for product in PRODUCTS.values():
        for name in product.must_state:
            wrong = is_a(product) & pl.col(name).is_null()
            findings.rows(source, instruments, wrong, name, f"{product.called} must state this")
    for product in PRODUCTS.values():
        for one, *others in product.either:
            wrong = is_a(product) & pl.all_horizontal(pl.col(one, *others).is_null())
            stated = " or ".join((", ".join(("this", *others[:-1])), others[-1]))
            findings.rows(source, instruments, wrong, one, f"{product.called} must state {stated}")
    _others_columns(instruments, source, findings)
    _beside(instruments, source, findings)
    for product in PRODUCTS.values():
        if product.price in LOW:
            low = is_a(product) & LOW[product.price]
            findings.rows(source, instruments, low, "price", LIMITS[product.price])


LOW = {"positive": pl.col("price") <= 0, "not negative": pl.col("price") < 0}
"""The prices that a product's limit refuses, where the instrument alone says so."""


def is_a(product: Product) -> pl.Expr:
    """Whether an instrument is of a product."""
    return pl.col("kind").cast(pl.String) == product.word


def _others_columns(instruments: pl.DataFrame, source: str, findings: Findings) -> None:
    """A column of some products may not be stated by the others."""
    for name in own_columns():
        own = owners(name)
        wrong = ~pl.any_horizontal(is_a(product) for product in own) & pl.col(name).is_not_null()
        called = " or ".join(product.called for product in own)
        findings.rows(source, instruments, wrong, name, f"only {called} may state this")


def _beside(instruments: pl.DataFrame, source: str, findings: Findings) -> None:
    """What a column asks of another in the same row."""
    for name, own in own_columns().items():
        if own.positive_without is not None:
            low = (pl.col(name) <= 0) & pl.col(own.positive_without).is_null()
            expected = f"more than 0 was expected without {own.positive_without}"
            findings.rows(source, instruments, low, name, expected)
        if own.excludes is not None:
            both = pl.col(name).is_not_null() & pl.col(own.excludes).is_not_null()
            findings.rows(source, instruments, both, name, f"this or {own.excludes} was expected, not both")


def _sums(positions: pl.DataFrame, instruments: pl.DataFrame) -> pl.DataFrame:
    """What is held of each instrument, net and gross, but of those that have a problem: their sums mean nothing."""
    return (
        positions.group_by("instrument_id")
        .agg(
            pl.col("quantity").sum().alias("net"),
            pl.col("quantity").abs().sum().alias("gross"),
            pl.col("quantity").null_count().alias("unstated"),
        )
        .filter((pl.col("unstated") == 0) & pl.col("gross").is_finite())
        .join(instruments.select("instrument_id").unique(), on="instrument_id", how="semi")
    )


def check_matched(sums: pl.DataFrame, source: str, findings: Findings) -> None:
    """Instruments whose quantities do not sum to zero; `sums` has instrument_id, net and gross."""
    missed = in_order(sums.filter(pl.col("net").abs() > MATCH_TOLERANCE * pl.col("gross")), "instruments")
    expected = "quantities over all accounts must sum to 0 in every instrument (rulebook switch: book.matched)"
    findings.add(
        [
            Problem(source, f"{expected}; the sum is {row['net']:g}", "instrument_id", row["instrument_id"])
            for row in missed.head(SHOWN).iter_rows(named=True)
        ],
        missed.height,
    )
