"""Make the parts of the documents that follow from the code, so that they cannot drift from it.

    python docs/tools/generate.py          write them
    python docs/tools/generate.py --check  say which are out of date, and end with status 1 if any is

Made here: ccp/__init__.pyi, docs/reference/data-dictionary.md, docs/reference/glossary.md, docs/reference/notes.md and
docs/reference/commands.md, whole; waterfall_configs/rulebook.schema.json; and parts of other documents: the order of
rooms in how-data-flows, the list of worked examples in validation, the gallery in replays, the table and the comparison
in published, what `ccp show` prints in show-and-workbook, and the transcript in README.md.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]


def data_dictionary() -> str:
    """Every table and its columns, from the schemas: those that are read, and those of every command's run."""
    from ccp.frames import CYCLE_TABLES, MARKET_TABLES, PathTiers, book_schemas
    from ccp.runs.commands import COMMANDS

    lines = ["# Data dictionary", "", "Made from the table schemas by `docs/tools/generate.py`.", ""]
    lines += chapter("Book", book_schemas()) + chapter("Trades", CYCLE_TABLES)
    lines += chapter("Market and scenarios", MARKET_TABLES)
    told = {schema.__name__: f"[{name}](#book)" for name, schema in book_schemas().items()}
    for command, row in COMMANDS.items():
        lines += chapter(f"ccp {command}: {row.title[0].lower()}{row.title[1:]}", row.schemas, told)
        new = {schema.__name__: f"{name} of `ccp {command}`" for name, schema in row.schemas.items()}
        told = new | told
    lines += chapter("Paths (ccp.draw_paths)", {"tiers": PathTiers})
    return "\n".join(lines)


def chapter(heading: str, tables: dict[str, Any], told: dict[str, str] | None = None) -> list[str]:
    """A heading and what is under it: a table's columns, or the table that has them and was `told` before."""
    lines = [f"## {heading}", ""]
    before = [(name, (told or {}).get(schema.__name__)) for name, schema in tables.items()]
    lines += [f"- {name}: as {same}" for name, same in before if same is not None]
    lines += [""] if any(same is not None for _, same in before) else []
    for name, same in before:
        lines += [] if same is not None else columns_of(name, tables[name])
    return lines


def columns_of(name: str, schema: Any) -> list[str]:
    """A table: what it holds, and its columns."""
    from ccp.columns import stated_column

    lines = [f"### {name}", "", f"{(schema.__doc__ or '').strip()}", ""]
    lines += ["| column | kind | required | unit | meaning |", "| --- | --- | --- | --- | --- |"]
    for column, kind in schema.columns().items():
        stated = stated_column(kind)
        needed = "key" if kind.primary_key else "no" if kind.nullable else "yes"
        lines.append(f"| {column} | {stated.kind_in_words} | {needed} | {stated.unit or '-'} | {stated.meaning} |")
    return [*lines, ""]


def python_names() -> str:
    """The public names for editors and type checkers, which do not see what is loaded when it is used."""
    import ccp

    lines = ["# Made from ccp/runs/commands.py and ccp/__init__.py by docs/tools/generate.py.", ""]
    places = [place.split(":") for place in ccp.public_names().values()]
    lines += [f"from {module} import {name} as {name}" for module, name in sorted(places)]
    return "\n".join(
        [*lines, "", "__all__: list[str]", "__version__: str", "", "def public_names() -> dict[str, str]: ...", ""]
    )


def glossary() -> str:
    """The glossary: every entry in full, by subject."""
    from ccp.glossary.glossary import entries, laws

    lines = [
        "# Glossary",
        "",
        "Made from `ccp/glossary/words.toml` by `docs/tools/generate.py`; `ccp glossary WORD` prints an entry.",
    ]
    lines += ["First stands the word of rulebooks, tables and this program, then the field's standard term. A rule is"]
    lines += ["stated where it was read; where none is, none was.", "", "Rules are of:", ""]
    lines += [f"- **{name}**: {law}" for name, law in laws().items()]
    subject = ""
    for one in entries():
        if one.subject != subject:
            subject = one.subject
            lines += ["", f"## {subject}"]
        lines += ["", f"### {one.word}", "", f"**{one.field_name}**" + "".join(f" · {name}" for name in one.also), ""]
        lines += [one.meaning, ""]
        lines += [f"- in a rulebook: {', '.join(f'`{path}`' for path in one.rulebook)}"] if one.rulebook else []
        lines += [f"- in results: {', '.join(f'`{path}`' for path in one.results)}"] if one.results else []
        lines += [f"- {rule}" for rule in one.rules]
        lines = lines[:-1] if not lines[-1] else lines
    return "\n".join(lines) + "\n"


def notes() -> str:
    """Every kind of note, by subject."""
    from ccp.notes.kinds import ROWS

    lines = ["# Notes", "", "Made from `ccp/notes/kinds.py` by `docs/tools/generate.py`.", ""]
    lines += [textwrap.fill(paragraph, 120) + "\n" for paragraph in ABOUT_NOTES]
    subject = ""
    for row in ROWS:
        if row.subject != subject:
            subject = row.subject
            lines += [f"## {subject}", ""]
        lines += [f"### {row.id}", "", f"{_sentence(row.raised)}", ""]
        lines += [f"- size: {row.counts}" + (" (a share)" if row.share else ""), f"- says: {row.says}", ""]
    return "\n".join(lines)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


ABOUT_NOTES = (
    "A rule of the rulebook that could not be met as it is written, and whatever else a reader must know of a run "
    "beside its figures, is a note. Nothing is cut short in silence: what has no meaning is refused, the rest is "
    "noted.",
    "A note has an `id` (below), a `place` (the word of the rulebook, the column of the book, the file or the factor "
    "that it is about), a `size` (`have` of `of`, in a `unit`: how much is there, or how much is missing; of a share "
    "`of` is 1) and a `sentence`. The manifest of every run has the list `notes`, empty where there is nothing to say; "
    "a run without the list is not read. `ccp check` and every command that writes a run print a line a note (`note: "
    "SENTENCE [ID, PLACE: SIZE]`), of a kind the five that are shortest, and have all of them under `notes` in "
    "`--json`. They stand in a table at the head of the page and of its printed copy and on the sheet About of a "
    "workbook, and `ccp show RUN`, `ccp watch` and `ccp report` repeat them. In Python they are `.notes` of what "
    "`size`, `what_if`, `default`, `simulate`, `backtest`, `compare` and `check` return.",
    "A simulation notes what its first day knows, on which look-backs are shortest; what stress finds is noted on "
    "every stress day, and of a kind and place the worst day is kept. A back test notes margin model by model, on its "
    "first day. A comparison knows nothing but rulebooks: its places begin with the rulebook's name.",
)


def rulebook_schema() -> str:
    """The JSON Schema of rulebooks."""
    from ccp.rulebook.load import rulebook_schema as schema

    return json.dumps(schema(), indent=2) + "\n"


def order_of_rooms(before: str) -> str:
    """How data flows, with the order of rooms as the contract of imports has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = " > ".join(layer.replace("ccp.", "") for layer in layers)
    return replaced(before, "the order of rooms", f"```text\n{textwrap.fill(rooms, 120)}\n```")


def worked_examples(before: str) -> str:
    """The validation document with its list of worked examples made anew."""
    rows = ["| file | example | source |", "| --- | --- | --- |"]
    folders = (ROOT / "tests" / "cases", ROOT / "tests" / "waterfall" / "cases")
    for path in sorted(path for folder in folders for path in folder.glob("*.yaml")):
        document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        for number, case in enumerate(document["cases"], start=1):
            name = case.get("name") or ", ".join(f"{key} {value}" for key, value in list(case.items())[:3])
            source = " ".join(str(case.get("source") or document["source"]).split())
            rows.append(f"| {path.stem} {number} | {name} | {source} |")
    return replaced(before, "worked examples", "\n".join(rows))


def command_help() -> str:
    """The help of every command, as a terminal of 100 columns shows it."""
    lines = ["# Commands", "", "Made from the commands' own `--help` by `docs/tools/generate.py`.", ""]
    for command in ("", *command_words()):
        lines += [f"## ccp {command}".rstrip(), "", "```text", run(f"{command} --help", 100), "```", ""]
    return "\n".join(lines)


def command_words() -> list[str]:
    """All commands as they are typed, in the order of the help."""
    from typer.main import get_command

    from ccp.cli.main import app

    return [" ".join(words) for words in subcommands(get_command(app))]


def subcommands(command: Any) -> list[tuple[str, ...]]:
    """The words of every command below one, its own commands behind each."""
    found: list[tuple[str, ...]] = []
    for word, below in getattr(command, "commands", {}).items():
        found += [(word,), *((word, *words) for words in subcommands(below))]
    return found


def readme(before: str) -> str:
    """The README with the demo's transcript made anew."""
    transcript = f"```text\n$ ccp demo\n{run('demo', 80)}\n```"
    return replaced(before, "transcript of the demo", transcript)


def gallery(before: str) -> str:
    """The replays with what `ccp replay` prints."""
    return replaced(before, "the gallery", f"```text\n$ ccp replay\n{run('replay', 100)}\n```")


def published(before: str) -> str:
    """The published rulebooks, tier by tier, and a comparison of four."""
    from ccp.rulebook.load import load_rulebook, shipped_names

    rows = [
        "| rulebook | as of | tiers behind the defaulter's, in order | figures, of them assumed |",
        "| --- | --- | --- | --- |",
    ]
    for name in shipped_names():
        if name.startswith("published/"):
            rules = load_rulebook(name)
            tiers = ", ".join(tier_in_short(tier) for tier in rules.tiers if tier.word not in UNSAID)
            assumed = sum(figure.assumed for figure in rules.figures)
            rows.append(f"| `{name}`: {rules.name} | {rules.as_of} | {tiers} | {len(rules.figures)}, {assumed} |")
    compared = "compare " + " ".join(f"--rulebook published/{name}" for name in COMPARED)
    document = replaced(before, "the rulebooks", "\n".join(rows))
    return replaced(document, "the comparison", f"```text\n$ ccp {compared}\n{run(compared, 80)}\n```")


UNSAID = ("defaulter_margin", "defaulter_fund", "uncovered")
COMPARED = ("eurex", "cme-base", "ice-clear-credit", "krx-2013")


def tier_in_short(tier: Any) -> str:
    """A tier's word, with a star where its place is assumed; parts used together joined by a plus."""
    from ccp.rulebook.tier_forms import parts_of

    return " + ".join(part.word + ("*" if part.assumed else "") for part in parts_of(tier))


def run(arguments: str, width: int) -> str:
    """What a command of this checkout, whatever is installed, prints on standard output, without trailing blanks."""
    settings = os.environ | {
        "PYTHONPATH": str(ROOT),
        "COLUMNS": str(width),
        "TERM": "dumb",
        "NO_COLOR": "1",
        "_TYPER_FORCE_DISABLE_TERMINAL": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "ccp", *arguments.split()], capture_output=True, text=True, env=settings, check=True
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


def replaced(document: str, name: str, content: str) -> str:
    """A document with the part between its two marks `<!-- name -->` and `<!-- end -->` replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(document):
        raise SystemExit(f"the mark <!-- {name} --> is missing")
    return pattern.sub(lambda found: f"{found[1]}{content}\n{found[2]}", document)


SHOWN = (
    "show my-run",
    "show my-run scenarios --sort -cover_2 --rows 5 --columns scenario_id,cover_1,cover_2,groups,uncovered",
    "show my-run coverage --where path~cover_2.",
)


def shown(before: str) -> str:
    """The page on `ccp show` with what it prints of the demo's run."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            run("demo --out my-run", 80)
            blocks = [f"```text\n$ ccp {one}\n{run(one, 100)}\n```" for one in SHOWN]
        finally:
            os.chdir(here)
    return replaced(before, "what it prints", "\n\n".join(blocks))


MADE: dict[str, Callable[..., str]] = {
    "ccp/__init__.pyi": python_names,
    "docs/reference/data-dictionary.md": data_dictionary,
    "docs/reference/glossary.md": glossary,
    "docs/reference/notes.md": notes,
    "waterfall_configs/rulebook.schema.json": rulebook_schema,
    "docs/explain/how-data-flows.md": order_of_rooms,
    "docs/explain/validation.md": worked_examples,
    "docs/reference/commands.md": command_help,
    "docs/reference/replays.md": gallery,
    "docs/reference/published.md": published,
    "docs/learn/show-and-workbook.md": shown,
    "README.md": readme,
}
IN_PLACE = (order_of_rooms, worked_examples, gallery, published, shown, readme)


def main(arguments: list[str]) -> int:
    """Write or check every made document."""
    stale = []
    for name, make in MADE.items():
        path = ROOT / name
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        inputs: tuple[Any, ...] = (before,) if make in IN_PLACE else ()
        after = make(*inputs)
        if after != before:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(after, encoding="utf-8")
    if stale:
        print(("out of date: " if "--check" in arguments else "written: ") + ", ".join(stale))
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
