"""Make the embedded example book, `ccp/book/example`: synthetic, seeded, with the fund as it was a month before.

    python docs/tools/make_example.py

What the members have posted is what the rulebook `textbook/cover-two` required of the same book on 28 November 2022;
the example is priced on 28 December 2022. Needs nothing but the installed package.
"""

import shutil
import tempfile
from datetime import date
from pathlib import Path

import polars as pl

import ccp
from ccp.book.synthetic import BookSize

SEED = 1
SIZE = BookSize(members=40, accounts=1_000, positions=20_000, instruments=300)
POSTED_ON = date(2022, 11, 28)
EXAMPLE = Path(__file__).parents[2] / "ccp" / "book" / "example"


def main() -> None:
    """Write the book, size it a month before, and add the contributions to the members table."""
    with tempfile.TemporaryDirectory() as folder:
        book = ccp.synthesize(Path(folder) / "book", SIZE, SEED)
        before = ccp.size(book, "textbook/cover-two", day=POSTED_ON)
        posted = before.tables["contributions"].select("member_id", pl.col("contribution").alias("fund_contribution"))
        members = pl.read_parquet(book / "members.parquet").join(posted, on="member_id", maintain_order="left")
        members.write_parquet(book / "members.parquet", compression="zstd", compression_level=19)
        shutil.rmtree(EXAMPLE, ignore_errors=True)
        shutil.copytree(book, EXAMPLE)
    total = sum(path.stat().st_size for path in EXAMPLE.iterdir())
    print(f"{EXAMPLE.name}: {total:,} bytes")


if __name__ == "__main__":
    main()
