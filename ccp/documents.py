"""YAML documents read into pydantic models, with every mistake located by line, column and field.

YAML 1.2 as ruamel.yaml reads it: `NO` is text, duplicate keys are refused.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from ccp.errors import FORMS, InputError, Problem, refuse

Model = TypeVar("Model", bound=BaseModel)

EXPECTATIONS = {
    "extra_forbidden": "unknown key; remove it or correct its spelling",
    "missing": "this key is required",
    "int_type": "a whole number was expected",
    "int_from_float": "a whole number was expected",
    "float_type": "a number was expected",
    "finite_number": "a finite number was expected",
    "bool_type": "true or false was expected",
    "string_type": "text was expected",
    "string_too_short": "text was expected, it is empty",
    "tuple_type": "a list was expected",
    "too_short": "at least one entry was expected, there is none",
    "model_type": "a mapping of keys to values was expected",
    "dict_type": "a mapping of keys to values was expected",
    "literal_error": "{expected} was expected",
    "literal_or_mapping": "{expected}, or a mapping of keys to values, was expected",
    "greater_than": "more than {gt:g} was expected",
    "greater_than_equal": "at least {ge:g} was expected",
    "less_than": "less than {lt:g} was expected",
    "less_than_equal": "at most {le:g} was expected",
}
"""What pydantic's kinds of mistake are called here; the tables of `ccp.frames` speak the same way."""
KEYS = ("str", "int", "float", "bool", "null", "merge")
"""The tags of keys that JSON can write."""


class Frozen(BaseModel):
    """Base of every model read from a document: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def read_text(path: Path) -> str:
    """The text of a file, or an `InputError` that says why it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise refuse(str(path), "text in UTF-8 was expected", line=line) from None
    except IsADirectoryError:
        raise refuse(str(path), "a file was expected, this is a directory") from None
    except OSError as error:
        raise refuse(str(path), f"cannot be read: {error.strerror}") from None


def plain_value(source: str, text: str) -> Any:
    """A single value written as in a YAML file: a number, a flag, a text, a list in brackets."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError):
        raise refuse(source, "a value as in a YAML file was expected", value=text) from None


def load_yaml(path: Path) -> tuple[Any, Node | None]:
    """A YAML file as plain data, and as nodes that know their line and column."""
    text = read_text(path)
    try:
        data = YAML(typ="safe", pure=True).load(text)
        return data, YAML(typ="safe", pure=True).compose(text)
    except RecursionError:
        raise refuse(str(path), "not valid YAML: nested too deeply") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise refuse(str(path), f"not valid YAML: {error.reason}", line=line) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        first_line = str(error.problem or error.context or "not valid YAML").splitlines()[0]
        where = {"line": mark.line + 1, "position": mark.column + 1} if mark else {}
        raise InputError([Problem(str(path), f"not valid YAML: {first_line}", **where)]) from None
    except YAMLError as error:
        raise refuse(str(path), f"not valid YAML: {str(error).splitlines()[0]}") from None
    except ValueError:
        expected = "neither a date nor a number that can be read; put text in quotes"
        raise _located(str(path), list(_unreadable(YAML(typ="safe", pure=True).compose(text))), expected) from None


def validated(data: Any, node: Node | None, source: str, model: type[Model]) -> Model:
    """`data` as a `model`, or an `InputError` with one problem per mistake, located through `node`."""
    if not isinstance(data, dict):
        line = node.start_mark.line + 1 if node is not None else None
        raise refuse(source, "a mapping of keys to values was expected", line=line)
    text = _as_json(data, node, source)
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InputError(_problems(source, node, error)) from None


def validated_at(data: Any, root: Node | None, source: str, model: type[Model], place: tuple[str | int, ...]) -> Model:
    """Part of a document, standing at `place` in it, as a `model`; problems are located in the whole document."""
    try:
        return model.model_validate_json(_as_json(data, root, source), strict=True)
    except ValidationError as error:
        found = [{**one, "loc": (*place, *one["loc"])} for one in error.errors(include_url=False)]
        raise InputError([_problem(source, root, one) for one in found]) from None


def _as_json(data: Any, node: Node | None, source: str) -> str:
    try:
        return json.dumps(data, default=str)
    except TypeError:
        keys = [key for one in _nodes(node, set()) if isinstance(one, MappingNode) for key, _ in one.value]
        strange = [key for key in keys if key.tag.rpartition(":")[2] not in KEYS]
        raise _located(source, strange, "every key must be text") from None
    except ValueError:
        raise refuse(source, "not usable: an anchor stands inside itself") from None


def _located(source: str, nodes: list[Node], expected: str) -> InputError:
    """The same expectation of several nodes; with none that could be found, of the whole file."""
    problems = [
        Problem(source, expected, None, node.value if isinstance(node, ScalarNode) else None, **_mark(node))
        for node in nodes
    ]
    return InputError(problems or [Problem(source, expected)])


def _nodes(node: Node | None, seen: set[int]) -> Iterator[Node]:
    """A node and everything inside it, each once: an anchor may stand inside itself."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    yield node
    if isinstance(node, MappingNode | SequenceNode):
        for entry in node.value:
            for inner in entry if isinstance(entry, tuple) else (entry,):
                yield from _nodes(inner, seen)


def _unreadable(node: Node | None) -> Iterator[Node]:
    """Scalars that look like a date or a number and are none: 2024-02-30."""
    for one in _nodes(node, set()):
        if isinstance(one, ScalarNode) and one.style is None:
            try:
                YAML(typ="safe", pure=True).load(one.value)
            except ValueError:
                yield one
            except YAMLError:
                continue


def place_of(node: Node | None, *location: str | int) -> dict[str, int]:
    """Line and position of a key or entry of a document, as a `Problem` takes them."""
    return _mark(_descend(node, location)[1])


def _mark(node: Node | None) -> dict[str, int]:
    if node is None:
        return {}
    return {"line": node.start_mark.line + 1, "position": node.start_mark.column + 1}


def _problems(source: str, node: Node | None, error: ValidationError) -> list[Problem]:
    found = list(_one_way(error.errors(include_url=False)))
    places = [one["loc"] for one in found]
    kept = [
        one
        for one in found
        if one["type"] != "too_short" or not any(place[: len(one["loc"])] == one["loc"] != place for place in places)
    ]  # a list is called too short when its entries were refused: the entries' own messages say it better
    seen = {str(problem): problem for problem in (_problem(source, node, one) for one in kept)}
    return list(seen.values())


def _one_way(found: list[Any]) -> Iterator[Any]:
    """Mistakes where either a word or a mapping may stand: of a mapping its own, of a word one for both ways."""
    either = {one["loc"][:-1]: one for one in found if one["loc"] and str(one["loc"][-1]).startswith("literal[")}
    for one in found:
        word = either.get(one["loc"][:-1])
        if word is one and not isinstance(one["input"], dict):
            yield {**one, "loc": one["loc"][:-1], "type": "literal_or_mapping"}
        elif word is None or (word is not one and one["type"] != "model_type"):
            yield one


def _problem(source: str, root: Node | None, found: Any) -> Problem:
    path, node = _descend(root, found["loc"], found["type"] == "missing")
    value = found.get("input")
    shown = None if found["type"] == "missing" or isinstance(value, dict | list | tuple) else value
    return Problem(
        source,
        _expectation(found),
        field=".".join(path) or None,
        value=shown,
        **_mark(node),
    )


def _expectation(found: Any) -> str:
    kind, details = found["type"], found.get("ctx", {})
    if kind == "string_pattern_mismatch" and details["pattern"] in FORMS:
        return f"{FORMS[details['pattern']]} was expected"
    if kind == "too_short" and details.get("min_length", 1) > 1:
        return f"at least {details['min_length']} entries were expected"
    if kind in EXPECTATIONS:
        return EXPECTATIONS[kind].format(**details)
    return str(found["msg"]).removeprefix("Value error, ")


BRANCHES = frozenset({"bool", "date", "dict", "float", "int", "list", "str", "tuple"})
"""Steps of a location that name a union's branch by a type; others are of classes, or have brackets."""


def _is_key(step: Any) -> bool:
    """Whether a step of a location may be a key of a document, and not the branch of a union."""
    return str(step).isidentifier() and str(step).islower() and step not in BRANCHES


def _descend(root: Node | None, location: tuple[Any, ...], missing: bool = False) -> tuple[list[str], Node | None]:
    """Follow an error's location through the nodes; steps that name a union's branch are passed over. `missing`: the
    last step is a key that is not there."""
    path: list[str] = []
    node, marked = root, root
    for step in location:
        if isinstance(node, MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if pair is None:
                if step == location[-1] and (missing or _is_key(step)):
                    path.append(str(step))
                continue
            marked, node = pair
            path.append(str(step))
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = marked = node.value[step]
            path.append(str(step))
    return path, marked
