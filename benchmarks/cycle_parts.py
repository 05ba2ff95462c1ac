"""Where a day of the cycle goes: by part, from a profile of a run that is written."""

import cProfile
import pstats
import time
from pathlib import Path
from typing import Any

from benchmarks.cycle_setting import Setting

PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "margin pass": (("exposure/run.py", "run_margin"),),
    "pricing of margin scenarios": (("pricing/horizon.py", "price_windows"),),
    "prices and case of the day": (("settlement/prices.py", "on"), ("settlement/prices.py", "case")),
    "variation": (("settlement/variation.py", "block_flows"), ("settlement/variation.py", "balanced")),
    "positions after trades": (("settlement/trades.py", "after_trades"), ("settlement/today.py", "portfolio_of")),
    "value of options": (("settlement/today.py", "option_value"),),
    "stress and sizing": (("settlement/resizing.py", "run_stress_day"), ("settlement/resizing.py", "resize")),
    "ledger": (("settlement/ledger.py", "post"), ("settlement/reconcile.py", "reconcile")),
    "tables": (("settlement/results.py", "day_tables"), ("settlement/results.py", "day_row")),
    "writing": (("report/journal.py", "write_day"), ("settlement/state.py", "to_bytes")),
}
"""Functions that make up each part of a day; what none of them covers is `everything else`."""


def parts_of_a_day(setting: Setting, days: int, out: Path) -> dict[str, float]:
    """Milliseconds a day by part of a run that is written, from a profile of it."""
    profile, first = cProfile.Profile(), time.perf_counter()
    ends: list[float] = []
    profile.enable()
    setting.over(days).write(out, lambda done, all_days: ends.append(time.perf_counter()))
    profile.disable()
    table = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    seconds = {part: sum(_cumulative(table, *name) for name in names) for part, names in PARTS.items()}
    opening = _cumulative(table, "settlement/opening.py", "open_run")
    seconds["everything else"] = ends[-1] - first - opening - sum(seconds.values())
    return {part: 1000 * total / days for part, total in seconds.items()}


def _cumulative(table: dict[Any, Any], file: str, name: str) -> float:
    rows = [row for (path, _, function), row in table.items() if function == name and path.endswith(f"ccp/{file}")]
    return sum(row[3] for row in rows)
