"""From finished runs to the risk committee's pack: a page, a printable copy, a workbook."""

from dataclasses import dataclass
from pathlib import Path

from ccp.errors import refuse_argument
from ccp.report.elements import Pack
from ccp.report.pack.pack import make_pack
from ccp.report.page.render import page
from ccp.runs.commands import called, commands_with
from ccp.runs.run import Run, open_run
from ccp.runs.write import write_file


@dataclass(frozen=True)
class Packed:
    """What `pack` made of `runs`: `content` is the same for the page, for print, and for who reads it from Python."""

    runs: tuple[Run, ...]
    content: Pack

    def write_page(self, out: Path | str, live: bool = True, overwrite: bool = False) -> Path:
        """Write one HTML file that needs nothing else. Without `live` its charts are drawings and it has no script."""
        return write_file(Path(out), page(self.content, live).encode(), overwrite)

    def write_pdf(self, out: Path | str, overwrite: bool = False) -> Path:
        """Write a printable copy. The same runs give the same bytes."""
        from ccp.report.printed.render import printed  # typst: only where it is asked for

        return write_file(Path(out), printed(self.content), overwrite)

    def write_workbook(self, out: Path | str, overwrite: bool = False) -> Path:
        """Write a workbook with every table of the runs, a sheet each."""
        from ccp.report.workbook.workbook import write_workbook

        write_workbook(self.runs, Path(out), overwrite)
        return Path(out)


def pack(*runs: Path | str | Run, since: Path | str | None = None) -> Packed:
    """The pack of one or several finished runs; the first gives it its title and its answer.

    `since` is an earlier sized run that contributions are set against. Raises InputError.
    """
    if not runs:
        raise refuse_argument("runs", "at least one run was expected")
    opened = tuple(one if isinstance(one, Run) else open_run(one) for one in runs)
    names = [run.name for run in opened]
    if len(set(names)) < len(names):
        raise refuse_argument("runs", "a run is named twice", value=max(names, key=names.count))
    sized = commands_with(lambda row: "contributions" in row.tables)
    before = None if since is None else open_run(since, sized)
    if before is not None and not any(run.command in sized for run in opened):
        raise refuse_argument("since", f"a run of {called(sized)} was expected among those shown", value=str(since))
    return Packed(opened, make_pack(opened, before))
