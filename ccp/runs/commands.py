"""The commands that write a run, a row each: all that the rest of the program knows of them follows from it.

What a row says is told in `ccp.runs.kind`, and why it is one row in docs/decisions/0021. The words of the command line
are in `ccp/cli/COMMAND.py`.
"""

from collections.abc import Callable

from ccp.rows import by_word
from ccp.runs.kind import Document, RunKind

MANIFEST = Document(
    "What the run was made from: inputs by SHA-256, the rulebook in full, conventions, versions; and its notes.",
    ("made_by", "program", "libraries"),
    in_workbook=False,
)
MEANINGS = "ccp.report.listing.figure_meanings"
EVENT = ("scenario_id", "defaulters", "loss", "tiers", "by_stakeholder")

SIZED_TABLES = {
    "margin": "ccp.frames:Margin",
    "collateral": "ccp.frames:CollateralCounts",
    "losses": "ccp.frames:Losses",
    "scenarios": "ccp.frames:Scenarios",
    "shocks": "ccp.frames:StressShocks",
    "windows": "ccp.frames:Windows",
    "contributions": "ccp.frames:Contributions",
    "waterfall": "ccp.frames:Waterfall",
}
SIZED_DOCUMENTS = {
    "coverage": Document(
        "Cover figures, the default fund required and posted, prefunded resources, the coverage test.",
        ("rulebook", "date", "currency", "cover", "cover_1", "cover_2", "fund", "coverage_test", "margin"),
        f"{MEANINGS}:COVERAGE",
    ),
    "worst_event": Document(
        "The default that sizes the fund (cover-N), line by line.", EVENT, f"{MEANINGS}:EVENT", in_workbook=False
    ),
    "coverage_test_event": Document(
        "The default that leaves most uncovered, or least left over, line by line.",
        EVENT,
        f"{MEANINGS}:EVENT",
        in_workbook=False,
    ),
    "manifest": MANIFEST,
}
SIZED_LIMITS = (
    "Positions are those of one day and do not change while they are closed out; nobody trades or pays meanwhile.",
    "Margin held is what was held before the shock; no further call is assumed to be paid.",
    "The fund is sized for groups that default together in one scenario, not for a probability of default.",
    "Scenarios are those listed; what none of them holds is not covered by any figure here.",
    "Losses are measured here, not liquidity (who has cash when).",
)

ROWS = (
    RunKind(
        command="size",
        title="Default fund",
        python=("ccp.api.size:Sizing", "ccp.api.size:size", "ccp.api.streamed:Streaming"),
        tables=SIZED_TABLES,
        documents=SIZED_DOCUMENTS,
        folders=("base",),
        limits=SIZED_LIMITS,
        pack="ccp.report.pack.sized:sized_part",
        indicators="ccp.report.indicators.sized:sized",
        form=6,
    ),
    RunKind(
        command="whatif",
        title="Default fund, changed",
        python=(
            "ccp.api.what_if:WhatIf",
            "ccp.api.what_if:what_if",
            "ccp.api.what_if:read_changes",
            "ccp.book.changes:Changes",
        ),
        tables=SIZED_TABLES,
        documents=SIZED_DOCUMENTS,
        limits=SIZED_LIMITS,
        pack="ccp.report.pack.sized:sized_part",
        indicators="ccp.report.indicators.sized:sized",
        form=6,
    ),
    RunKind(
        command="default",
        title="A default and who pays",
        python=("ccp.api.default:DefaultEvent", "ccp.api.default:default"),
        tables={"waterfall": "ccp.frames:Waterfall"},
        documents={
            "trace": Document("The default, line by line: pools, tiers, who pays.", EVENT, f"{MEANINGS}:EVENT"),
            "manifest": MANIFEST,
        },
        limits=SIZED_LIMITS,
        pack="ccp.report.pack.events:event_part",
        form=4,
    ),
    RunKind(
        command="simulate",
        title="Day by day",
        python=("ccp.api.simulate:Simulation", "ccp.api.simulate:simulate", "ccp.settlement.opening:RunRequest"),
        tables={
            "days": "ccp.frames:CycleDays",
            "events": "ccp.frames:Events",
            "waterfall": "ccp.frames:CycleWaterfall",
            "ledger": "ccp.frames:LedgerRows",
            "accounts": "ccp.frames:AccountDays",
            "pools": "ccp.frames:PoolDays",
            "members": "ccp.frames:MemberDays",
        },
        documents={
            "summary": Document(
                "The span in figures: the worst of its days, and the losses of its defaults.",
                ("rulebook", "currency", "from", "to", "days", "cover", "cover_n", "fund", "uncovered", "defaults"),
                f"{MEANINGS}:SUMMARY",
            ),
            "manifest": MANIFEST,
        },
        daily=("ledger", "accounts", "pools", "members"),
        limits=(
            "The book is the one that was given, with the trades that were given; members do not react to losses.",
            "Days have one settlement; there are no calls within the day.",
            "Margin is tested over whole liquidation periods; those that begin on the last days are not over.",
        ),
        pack="ccp.report.pack.cycle:cycle_part",
        indicators="ccp.report.indicators.simulated:simulated",
        form=4,
    ),
    RunKind(
        command="backtest",
        title="Margin models",
        python=("ccp.api.backtest:BackTesting", "ccp.api.backtest:backtest"),
        tables={
            "backtest": "ccp.frames:BackTests",
            "procyclicality": "ccp.frames:Procyclicalities",
            "margins": "ccp.frames:ModelMargins",
        },
        documents={"manifest": MANIFEST},
        limits=(
            "Today's positions are tested on yesterday's prices: what would have happened, not what did.",
            "Tests reject a model more easily the more days there are; few exceptions in few days prove little.",
        ),
        pack="ccp.report.pack.models:models_part",
        indicators="ccp.report.indicators.backtested:backtested",
        form=4,
    ),
    RunKind(
        command="compare",
        title="Rulebooks compared",
        python=("ccp.api.compare:Comparison", "ccp.api.compare:compare"),
        tables={"ladder": "ccp.frames:LadderRows"},
        documents={
            "houses": Document(
                "What was compared: each rulebook's fund and where it is from.", figures=f"{MEANINGS}:HOUSES"
            ),
            "manifest": MANIFEST,
        },
        limits=("Houses are stylised: the ladder shows what rules do, not what a service would lose.",),
        pack="ccp.report.pack.ladder:ladder_part",
    ),
    RunKind(
        command="replay",
        title="Real defaults, run again",
        python=("ccp.api.replay:Replayed", "ccp.api.replay:replay"),
        tables={"replay": "ccp.frames:ReplayRows"},
        documents={"replays": Document("What was computed beside what was reported."), "manifest": MANIFEST},
        limits=("Where no source states a figure it is assumed, and marked so.",),
        pack="ccp.report.pack.replays:replays_part",
        written=False,
    ),
    RunKind(
        command="synth",
        title="A synthetic book",
        python=("ccp.api.synthesize:synthesize",),
        tables={
            "members": "ccp.frames:Members",
            "accounts": "ccp.frames:Accounts",
            "instruments": "ccp.frames:instruments_schema",
            "positions": "ccp.frames:Positions",
        },
        documents={"manifest": MANIFEST},
    ),
)
COMMANDS = by_word(ROWS, lambda row: row.command)
"""By the command's word. Whoever asks does so when it is needed: a row may come later."""


def commands_with(fact: Callable[[RunKind], object]) -> tuple[str, ...]:
    """The commands whose rows have something, in order."""
    return tuple(command for command, row in COMMANDS.items() if fact(row))


def readable() -> tuple[str, ...]:
    """The commands whose runs are read: for the page, or from a directory."""
    return commands_with(lambda row: row.pack)


def watched() -> tuple[str, ...]:
    """The commands whose runs have indicators."""
    return commands_with(lambda row: row.indicators)


def called(commands: tuple[str, ...], joint: str = " or ") -> str:
    """Commands in a message, those that write a run: `ccp size or ccp whatif`."""
    return joint.join(f"ccp {command}" for command in commands if COMMANDS[command].written)
