"""YAML documents read into pydantic models, with every mistake located by line, column and field.

YAML 1.2 as ruamel.yaml reads it: `NO` is text, duplicate keys are refused.
"""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from ccp.errors import InputError, Problem, refuse

Model = TypeVar("Model", bound=BaseModel)


class Frozen(BaseModel):
    """Base of every model read from a document: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def read_text(path: Path) -> str:
    """The text of a file, or an `InputError` that says why it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise refuse(str(path), "text in UTF-8 was expected") from None
    except IsADirectoryError:
        raise refuse(str(path), "a file was expected, this is a directory") from None
    except OSError as error:
        raise refuse(str(path), f"cannot be read: {error.strerror}") from None


def load_yaml(path: Path) -> tuple[Any, Node | None]:
    """A YAML file as plain data, and as nodes that know their line and column."""
    text = read_text(path)
    try:
        data = YAML(typ="safe", pure=True).load(text)
        return data, YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        first_line = str(error.problem or error.context or "not valid YAML").splitlines()[0]
        where = {"line": mark.line + 1, "position": mark.column + 1} if mark else {}
        raise InputError([Problem(str(path), f"not valid YAML: {first_line}", **where)]) from None
    except (YAMLError, ValueError) as error:
        raise refuse(str(path), f"not valid YAML: {str(error).splitlines()[0]}") from None


def read_model(path: Path, model: type[Model]) -> Model:
    """Read a YAML document into `model`; all its mistakes are reported together."""
    data, node = load_yaml(path)
    return validated(data, node, str(path), model)


def validated(data: Any, node: Node | None, source: str, model: type[Model]) -> Model:
    """`data` as a `model`, or an `InputError` with one problem per mistake, located through `node`."""
    if not isinstance(data, dict):
        line = node.start_mark.line + 1 if node is not None else None
        raise refuse(source, "a mapping of keys to values was expected", line=line)
    try:
        return model.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        raise InputError(_problems(source, node, error)) from None
    except TypeError:
        raise refuse(source, "every key must be text") from None


def _problems(source: str, node: Node | None, error: ValidationError) -> list[Problem]:
    found = error.errors(include_url=False)
    places = [one["loc"] for one in found]
    kept = [
        one
        for one in found
        if one["type"] != "too_short" or not any(place[: len(one["loc"])] == one["loc"] != place for place in places)
    ]  # a list is called too short when its entries were refused: the entries' own messages say it better
    seen = {str(problem): problem for problem in (_problem(source, node, one) for one in kept)}
    return list(seen.values())


def _problem(source: str, root: Node | None, found: Any) -> Problem:
    path, node = _descend(root, found["loc"])
    value = found.get("input")
    shown = None if found["type"] == "missing" or isinstance(value, dict | list) else value
    return Problem(
        source,
        _expectation(found),
        field=".".join(path) or None,
        value=shown,
        line=node.start_mark.line + 1 if node is not None else None,
        position=node.start_mark.column + 1 if node is not None else None,
    )


def _expectation(found: Any) -> str:
    if found["type"] == "extra_forbidden":
        return "unknown key; remove it or correct its spelling"
    if found["type"] == "missing":
        return "this key is required"
    message = str(found["msg"])
    return message.removeprefix("Value error, ").removeprefix("Input ")


def _descend(root: Node | None, location: tuple[Any, ...]) -> tuple[list[str], Node | None]:
    """Follow an error's location through the nodes; steps that name a union's branch are passed over."""
    path: list[str] = []
    node, marked = root, root
    for step in location:
        if isinstance(node, MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if pair is None:
                if step == location[-1]:
                    path.append(str(step))
                continue
            marked, node = pair
            path.append(str(step))
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = marked = node.value[step]
            path.append(str(step))
    return path, marked
