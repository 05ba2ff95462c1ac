"""The files that each command writes."""

FORM = 2
"""The form of what runs hold, stated in their manifests; one more with every change that a reader would trip over."""

TABLES = ("margin", "losses", "scenarios", "shocks", "contributions", "waterfall")
BOOK = ("members", "accounts", "instruments", "positions")
SIZED = {f"{name}.parquet" for name in TABLES} | {
    "coverage.json",
    "worst_event.json",
    "coverage_test_event.json",
    "manifest.json",
}
OUTPUTS = {
    "size": SIZED | {"base"},
    "whatif": SIZED,
    "default": {"waterfall.parquet", "trace.json", "manifest.json"},
    "simulate": {f"{name}.parquet" for name in ("days", "events", "waterfall")}
    | {"ledger", "accounts", "pools", "members", "unfinished", "summary.json", "manifest.json"},
    "backtest": {"backtest.parquet", "procyclicality.parquet", "margins.parquet", "manifest.json"},
    "compare": {"ladder.parquet", "houses.json", "manifest.json"},
    "synth": {f"{name}.parquet" for name in BOOK} | {"manifest.json"},
}
"""By command. A directory with anything else in it is never overwritten."""

FIELDS = {
    "coverage": ("rulebook", "date", "currency", "cover", "cover_1", "cover_2", "fund", "coverage_test", "margin"),
    "worst_event": ("scenario_id", "defaulters", "loss", "tiers", "by_stakeholder"),
    "coverage_test_event": ("scenario_id", "defaulters", "loss", "tiers", "by_stakeholder"),
    "trace": ("scenario_id", "defaulters", "loss", "tiers", "by_stakeholder"),
    "summary": ("rulebook", "currency", "from", "to", "days", "cover", "cover_n", "fund", "uncovered", "defaults"),
    "manifest": ("made_by", "program", "libraries"),
}
"""What every document states at least: without these it is no document of a run."""
