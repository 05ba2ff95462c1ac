"""`ccp check`: is a book sound, and does the market know what it needs?"""

from ccp.cli.options import DEFAULT_RULEBOOK, AsJson, BookPath, MarketPath, Quiet, RulebookName, RunDate, Verbose
from ccp.cli.session import parse_date, session


def check(
    book: BookPath,
    rulebook: RulebookName = DEFAULT_RULEBOOK,
    market: MarketPath = None,
    day: RunDate = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Read a book, check its tables against each other and against the market, and say what is wrong.

    Example: ccp check my-book --market my-prices.parquet
    """
    with session(as_json, quiet, verbose) as out:
        import ccp

        out.detail(f"reading {book}")
        with out.progress(f"checking {book}"):
            found = ccp.check(book, rulebook, market, parse_date(day))
        out.detail("checked")
        counts = ", ".join(f"{count:,} {name}" for name, count in found.counts.items())
        out.answer(
            {
                "sound": True,
                "date": found.date.isoformat(),
                "counts": found.counts,
                "factors": found.factors,
                "modelled": found.modelled,
                "notes": [one.as_dict() for one in found.notes],
            }
        )
        out.show(f"The book is sound: {counts}; {len(found.factors)} factors, priced on {found.date}.")
        out.notes(found.notes)
