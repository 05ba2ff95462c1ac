"""The indicators of a back test: how often margin was enough."""

from fractions import Fraction

import polars as pl

from ccp.report.answer import without_words
from ccp.report.elements import Provenance
from ccp.report.indicators.reading import OVER_PERIOD, IndicatorValue
from ccp.runs.commands import called
from ccp.runs.run import Run

OWN = "rulebook"
"""The name of the rulebook's own model among those set side by side."""
COUNTED = ("fund_over_cover_2", "two_largest_of_fund", "five_largest_of_margin", "days_to_liquidate", "uncalled_margin")
PAID = ("one_day_coverage", "unpaid_margin", "liquidity_used")


def backtested(run: Run) -> dict[str, IndicatorValue]:
    """What a back test says, by indicator."""
    silent = dict.fromkeys(COUNTED, f"a back test does not say; {called(('size',))} does")
    silent |= dict.fromkeys(PAID, f"a back test does not say; {called(('simulate',))} does")
    return {word: IndicatorValue(reason=why) for word, why in silent.items()} | {
        "margin_coverage": margin_coverage(run)
    }


def margin_coverage(run: Run) -> IndicatorValue:
    """The share of days of pools with a position whose loss over the period the rulebook's own model covered."""
    columns = ("model", "level", "observations", "exceptions")
    span, sources = (
        f"{run.manifest['run']['from']} to {run.manifest['run']['to']}",
        (Provenance("backtest.parquet", columns),),
    )
    own = run.table("backtest").filter(pl.col("model") == OWN)
    if own.is_empty():
        return IndicatorValue(when=span, sources=sources, reason="the rulebook's own model was not tested")
    found = own.filter(pl.col("level") == "pool")
    observed, beyond = (int(found[name].sum()) for name in ("observations", "exceptions"))
    if not observed:
        return IndicatorValue(when=span, sources=sources, reason="no pool holds a position")
    note = f"{beyond:,} of {observed:,} pool-days were exceptions: {OVER_PERIOD}. "
    note += without_words(run.manifest["run"]["days_without"])
    return IndicatorValue(1 - Fraction(beyond, observed), span, note.rstrip(), sources)
