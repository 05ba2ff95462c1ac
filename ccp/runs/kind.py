"""What a command's run is made of, and what follows from that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dataframely as dy


@dataclass(frozen=True)
class Document:
    """A JSON document of a run: what it holds, in a sentence.

    `fields` are stated in every one of them: without these it is no document of a run. `figures` refers to the kinds
    and meanings of its figures by their paths; `in_workbook` says whether a workbook lists them.
    """

    meaning: str
    fields: tuple[str, ...] = ()
    figures: str = ""
    in_workbook: bool = True


@dataclass(frozen=True)
class RunKind:
    """What the run of a command is.

    What stands in other rooms is referred to as `module:name` and loaded when it is needed (`referred`): a row costs
    nothing to read, and no room sees one that lies above it.

    `python` are the names that `ccp` has of it. `tables` refer to their schemas; those in `daily` are kept a file a
    day, while the run lasts in `unfinished`. `folders` may be there beside. A run has no `pack` where nobody reads it
    back, and is not `written` where its results are only ever in memory. `pack` is a function of a run and an earlier
    sizing, or None, that makes its `ccp.report.elements.RunPart`, `indicators` one of a run that reads what `ccp watch`
    shows. `limits` are what a reader must know that no figure shows. `form` is that of its files, stated in the
    manifest: one more with every change that a reader would trip over.
    """

    command: str
    title: str
    python: tuple[str, ...]
    tables: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)
    daily: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    pack: str = ""
    indicators: str = ""
    form: int = 3
    written: bool = True

    @property
    def needed(self) -> set[str]:
        """The files that every finished run has."""
        whole = {f"{name}.parquet" for name in self.tables if name not in self.daily}
        return whole | {f"{name}.json" for name in self.documents}

    @property
    def outputs(self) -> set[str]:
        """All that a run's directory may hold. One with anything else in it is never overwritten."""
        return self.needed | {*self.daily, *self.folders} | ({UNFINISHED} if self.daily else set())

    def schema(self, table: str) -> "type[dy.Schema] | None":
        """A table's schema; None of one that such a run does not have."""
        return schema_at(self.tables[table]) if table in self.tables else None

    @property
    def schemas(self) -> "dict[str, type[dy.Schema]]":
        """All tables' schemas, in order."""
        return {name: schema_at(where) for name, where in self.tables.items()}


UNFINISHED = "unfinished"
"""What holds a run that is written day by day, while it lasts."""


def schema_at(where: str) -> "type[dy.Schema]":
    """The schema that is referred to, itself or by the function that makes it."""
    found = referred(where)
    return found if isinstance(found, type) else found()


def referred(where: str) -> Any:
    """What is referred to as `module:name`."""
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)
