"""Reading rulebooks: a file, or the name of one that is shipped; and their JSON Schema."""

from pathlib import Path
from typing import Any

from ccp.documents import read_model
from ccp.errors import refuse
from ccp.rulebook.rulebook import Rulebook


def shipped_directory() -> Path:
    """Where the shipped rulebooks stand: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "waterfall_configs"
    return inside if inside.is_dir() else package.parent / "waterfall_configs"


def shipped_names() -> list[str]:
    """The names that `load_rulebook` knows, for example `textbook/cover-two`."""
    folder = shipped_directory()
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.glob("*/*.yaml"))


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
    return read_model(rulebook_path(name), Rulebook)


def rulebook_schema() -> dict[str, Any]:
    """The JSON Schema of a rulebook file, including the short forms of tiers and ladders."""
    schema = Rulebook.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    definitions = schema["$defs"]
    tier_names = ("DefaulterMargin", "DefaulterFund", "CcpCapital", "SurvivorsFund", "Uncovered")
    schema["properties"]["tiers"]["items"] = {"anyOf": [_tier_forms(definitions[name]) for name in tier_names]}
    ladder = {"$ref": "#/$defs/Ladder"}
    names = {"enum": definitions["Ladder"]["properties"]["ladder"]["enum"]}
    definitions["StressRules"]["properties"]["hypothetical"]["items"] = {"anyOf": [names, ladder]}
    return schema


def _tier_forms(tier: dict[str, Any]) -> dict[str, Any]:
    """A tier as a word alone, as a word with a mapping of its details, or spelled out with `tier: word`."""
    word = tier["properties"]["tier"]["const"]
    details = {name: rule for name, rule in tier["properties"].items() if name != "tier"}
    sizes = int(bool(details))  # one detail, and one only, where there is a choice of sizes
    inner = _mapping(details, [], sizes)
    forms = [_mapping({word: inner}, [word]), _mapping({"tier": {"const": word}, **details}, ["tier"], 1 + sizes)]
    if not details:
        forms.insert(0, {"const": word})
    return {"description": tier["description"], "anyOf": forms}


def _mapping(properties: dict[str, Any], required: list[str], count: int | None = None) -> dict[str, Any]:
    """The schema of a mapping with these keys and no others; `count`: how many of them must stand."""
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return schema if count is None else schema | {"minProperties": count, "maxProperties": count}
