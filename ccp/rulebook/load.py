"""Reading rulebooks: a file, or the name of one that is shipped; and their JSON Schema."""

from pathlib import Path
from typing import Any

from ruamel.yaml.nodes import Node

from ccp.documents import Model, load_yaml, validated, validated_at
from ccp.errors import InputError, Problem, refuse
from ccp.rulebook.figures import Figure, taken_apart
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_forms import PARI_PASSU, tier_schema
from ccp.rulebook.tier_table import tier_words

FOLDERS = ("textbook", "published")
"""Where shipped rulebooks stand."""


def shipped_directory() -> Path:
    """Where the shipped rulebooks stand: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "waterfall_configs"
    return inside if inside.is_dir() else package.parent / "waterfall_configs"


def shipped_names() -> list[str]:
    """The names that `load_rulebook` knows, for example `textbook/cover-two`."""
    return [f"{folder}/{name}" for folder in sorted(FOLDERS) for name in shipped_in(folder)]


def shipped_in(folder: str) -> list[str]:
    """The names of what is shipped in one folder."""
    return sorted(path.stem for path in (shipped_directory() / folder).glob("*.yaml"))


def rulebook_path(name: str | Path) -> Path:
    """The file behind a path or the name of a shipped rulebook."""
    path = Path(name)
    if path.exists() or path.suffix in (".yaml", ".yml"):
        return path
    if str(name) in shipped_names():
        return shipped_directory() / f"{name}.yaml"
    known = ", ".join(shipped_names())
    raise refuse(str(name), f"neither a file nor a shipped rulebook; shipped are {known}")


def load_rulebook(name: str | Path) -> Rulebook:
    """Read a rulebook from a file, or a shipped one by its name. Raises InputError with every mistake found."""
    return read_with_figures(rulebook_path(name), Rulebook)


def read_with_figures(path: Path, model: type[Model]) -> Model:
    """Read a YAML document whose numbers may be figures into a model that keeps them in `figures`. Raises
    InputError."""
    data, node = load_yaml(path)
    plain, figures = _with_figures(data, node, str(path))
    return validated(plain, node, str(path), model).model_copy(update={"figures": figures})


def _with_figures(data: Any, node: Node | None, source: str) -> tuple[Any, tuple[Figure, ...]]:
    """A document with plain values, and its figures. Raises InputError for figures that say too little."""
    plain, stated = taken_apart(data)
    figures: list[Figure] = []
    problems: list[Problem] = []
    for place, entry in stated.items():
        try:
            figure = validated_at(entry, node, source, Figure, place)
            figures.append(figure.model_copy(update={"path": _dotted(place)}))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return plain, tuple(figures)


def _dotted(place: tuple[str | int, ...]) -> str:
    """A figure's path as results name it: `tiers.2.amount`, whichever form the tier is written in."""
    before, words = (None, *place), tier_words()
    steps = [step for last, step in zip(before, place, strict=False) if not (isinstance(last, int) and step in words)]
    return ".".join("parts" if step == PARI_PASSU else str(step) for step in steps)


def rulebook_schema() -> dict[str, Any]:
    """The JSON Schema of a rulebook file, including the short forms of tiers, windows and ladders, and figures."""
    schema = Rulebook.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    definitions = schema["$defs"]
    schema["properties"].pop("figures")
    schema["properties"]["tiers"]["items"] = tier_schema(definitions)
    ladder = {"$ref": "#/$defs/Ladder"}
    names = {"enum": definitions["Ladder"]["properties"]["ladder"]["enum"]}  # a ladder's name alone
    definitions["StressRules"]["properties"]["hypothetical"]["items"] = {"anyOf": [names, ladder]}
    every = definitions["StressRules"]["properties"]["historical"]
    every["anyOf"] = [{"const": "all"}, *every["anyOf"]]  # short for all: true
    figure = definitions.pop("Figure")
    with_figure = _figures_allowed(schema)
    with_figure["$defs"]["Figure"] = figure
    return with_figure


FIGURES = ("number", "integer", "boolean")
"""Kinds of value that a figure may stand for; a word out of a list is one too."""


def _figures_allowed(schema: Any) -> Any:
    """A schema in which a figure may stand wherever a number, a flag or a word out of a list may."""
    if isinstance(schema, list):
        return [_figures_allowed(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in FIGURES or (schema.get("type") == "string" and "enum" in schema):
        about = {name: schema[name] for name in ("default", "description", "title") if name in schema}
        number = {name: rule for name, rule in schema.items() if name not in about}
        return {"anyOf": [number, {"$ref": "#/$defs/Figure"}], **about}
    return {name: _figures_allowed(entry) for name, entry in schema.items()}
