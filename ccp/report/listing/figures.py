"""The figures of a run's JSON documents: each with its path, its kind, its unit and its meaning."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ccp.report.elements import Kind
from ccp.report.listing.fields import Field, currency_of, unit_of
from ccp.runs.kind import referred
from ccp.runs.run import Run


@dataclass(frozen=True)
class DocumentFigure:
    """One value of a document. `field.name` is its path: keys, and places in lists from 0, joined by dots."""

    field: Field
    value: str | float | int | bool | None


def documents_of(run: Run) -> list[str]:
    """The names of a run's documents: those known first, in order, the manifest last."""
    found = set(run.stated)
    if run.folder is not None:
        found |= {path.stem for path in run.folder.glob("*.json")}
    elif run.manifest:
        found.add("manifest")
    known = [name for name in run.kind.documents if name in found and name != "manifest"]
    return known + sorted(found - {*known, "manifest"}) + ["manifest"] * ("manifest" in found)


def document_of(run: Run, name: str) -> Any:
    """A document of a run as plain data. Raises InputError."""
    return run.manifest if name == "manifest" else run.document(name)


def figures_of(run: Run, name: str) -> list[DocumentFigure]:
    """All figures of a document, in its order. Raises InputError."""
    document = run.kind.documents.get(name)
    meanings = referred(document.figures) if document is not None and document.figures else {}
    currency = currency_of(run)
    return [_figure(path, value, currency, meanings) for path, value in _flat(document_of(run, name), "")]


def _flat(document: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every leaf of a document with its path; what is empty stands as nothing."""
    if isinstance(document, dict | list) and document:
        pairs = document.items() if isinstance(document, dict) else enumerate(document)
        for name, value in pairs:
            yield from _flat(value, f"{path}.{name}" if path else str(name))
    else:
        yield path, None if isinstance(document, dict | list) else document


def _figure(path: str, value: Any, currency: str, meanings: Mapping[str, tuple[Kind, str]]) -> DocumentFigure:
    places = [path] if value is not None else [path, f"{path}."]  # nothing may stand for what would be inside
    fitting = (one for pattern, one in meanings.items() if any(fnmatchcase(place, pattern) for place in places))
    stated = next(fitting, None)
    kind, meaning = (_kind(value), "") if stated is None else stated
    if value is not None and kind not in ("text", "date") and isinstance(value, str):
        kind = "text"
    return DocumentFigure(Field(path, kind, unit_of(kind, currency), meaning), value)


def _kind(value: Any) -> Kind:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int):
        return "count"
    return "number" if isinstance(value, float) else "text"
