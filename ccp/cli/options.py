"""Options that several commands share, stated once."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_RULEBOOK = "textbook/cover-two"

BookPath = Annotated[Path, typer.Argument(help="Directory of the book's tables (.parquet or .csv).", metavar="BOOK")]
RulebookName = Annotated[
    str, typer.Option("--rulebook", "-r", help="Rulebook file, or the name of a shipped one.", metavar="FILE")
]
MarketPath = Annotated[
    str | None,
    typer.Option(
        "--market", "-m", help="Price history: a directory or file. Default: the shipped one.", metavar="PATH"
    ),
]
ScenarioFile = Annotated[
    Path | None,
    typer.Option("--scenarios", "-s", help="Scenario file instead of the rulebook's stress set.", metavar="FILE"),
]
RunDate = Annotated[
    str | None, typer.Option("--date", help="Day of the run; default: the market's last.", metavar="YYYY-MM-DD")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Directory to write the run to.", metavar="DIR")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run in that directory.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads to use; default: all. Never changes a result.")
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        help="Memory limit, such as 2GiB: positions are streamed from Parquet. Never changes a result.",
        metavar="SIZE",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="Ray cluster to measure parts of the book on: HOST:PORT, ray://HOST:PORT, auto, or local.",
        metavar="ADDRESS",
    ),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Workers of --cluster local; default: all cores.")
]
Scratch = Annotated[
    Path | None,
    typer.Option(
        "--scratch",
        help="Where --memory and --cluster keep positions meanwhile; a cluster's machines must share it.",
        metavar="DIR",
    ),
]
Base = Annotated[bool, typer.Option("--base", help="Also keep what ccp whatif starts from (12 bytes a position).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also print what is done, and how long it took.")]
