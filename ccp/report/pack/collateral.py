"""What a pack has of the collateral: what it counts for, and the lines that limits cut."""

from typing import Any

import polars as pl

from ccp.report.elements import Exhibit, Provenance, Section, Table, TableColumn
from ccp.report.words import exact_amount
from ccp.runs.run import Run

MOST_LINES = 40
CUTS = {
    "own_paper": "own group's paper",
    "issuer": "beyond the limit on its issuer",
    "issuer_group": "on its issuer's group",
    "asset_class": "on its class",
    "currency": "on its currency",
}


def collateral_section(run: Run, coverage: dict[str, Any], digits: int) -> tuple[Section, ...]:
    """What pools hold and what of it does not count; nothing where the book has no collateral."""
    held = coverage["margin_held"]
    if held is None:
        return ()
    left_out = sum(held["not_counted"].values())
    words = (
        f"Pools hold {coverage['currency']} {exact_amount(held['held'], digits)} that count after haircut and limits; "
        f"{exact_amount(left_out, digits)} more do not count, as own paper or beyond a limit.",
    )
    return (Section("collateral", "Collateral", words, figures=(_cut_lines(run.table("collateral")),)),)


def _cut_lines(lines: pl.DataFrame) -> Exhibit:
    """The lines that lose most."""
    cuts = [f"cut_{name}" for name in CUTS]
    cut = lines.with_columns(cut=pl.sum_horizontal(cuts)).filter(pl.col("cut") > 0)
    ordered = cut.sort("cut", "pool_id", "asset_id", descending=[True, False, False])
    columns = (
        TableColumn("pool_id", "pool"),
        TableColumn("asset_id", "asset"),
        TableColumn("issuer_id", "issuer"),
        TableColumn("after_haircut", "after haircut", "money"),
        *(TableColumn(f"cut_{name}", heading, "money") for name, heading in CUTS.items()),
        TableColumn("counted", "counts", "money"),
    )
    rows = ordered.head(MOST_LINES).select([column.name for column in columns])
    note = f"{rows.height} of {cut.height} lines that are cut, of {lines.height} in all."
    return Exhibit(
        "cut-collateral",
        "Lines of collateral that do not count in full",
        (Provenance("collateral.parquet", tuple(column.name for column in columns)),),
        Table(rows, columns, note),
    )
