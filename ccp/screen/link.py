"""Settings as the query of the page's address, so that a link restores what was seen."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ccp.api.settings import Settings

Query = dict[str, str | list[str]]


def query_of(settings: Settings) -> Query:
    """What differs from the run, as text; the groups that default one by one."""
    stated = settings.model_dump(exclude_none=True)
    return {name: list(value) if isinstance(value, tuple) else _text(value) for name, value in stated.items()}


def _text(value: Any) -> str:
    """A value without a decimal point that says nothing."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def settings_of(query: Mapping[str, Sequence[str]]) -> tuple[Settings, list[str]]:
    """The settings that a query states, each value a list of texts; and the names of those that cannot be read."""
    stated: dict[str, Any] = {}
    unread = [name for name in query if name not in Settings.model_fields]
    for name in Settings.model_fields:
        texts = query.get(name) or []
        if texts:
            value = list(texts) if name == "defaulters" else texts[-1]
            unread += [] if _reads({name: value}) else [name]
            stated |= {name: value} if _reads({name: value}) else {}
    return Settings.model_validate(stated), unread


def _reads(stated: dict[str, Any]) -> bool:
    try:
        Settings.model_validate(stated)
    except ValidationError:
        return False
    return True
