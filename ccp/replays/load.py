"""Reading replays: a file, or the name of one that is shipped."""

from pathlib import Path

from ccp.errors import refuse
from ccp.replays.document import Replay
from ccp.rulebook.load import read_with_figures, shipped_directory, shipped_in

FOLDER = "replays"


def replay_names() -> list[str]:
    """The names of the replays that are shipped, for example `nasdaq-2018`."""
    return shipped_in(FOLDER)


def replay_path(name: str | Path) -> Path:
    """The file behind a path or the name of a shipped replay."""
    path = Path(name)
    if path.exists() or path.suffix in (".yaml", ".yml"):
        return path
    if str(name) in replay_names():
        return shipped_directory() / FOLDER / f"{name}.yaml"
    raise refuse(str(name), f"neither a file nor a shipped replay; shipped are {', '.join(replay_names())}")


def load_replay(name: str | Path) -> Replay:
    """Read a replay from a file, or a shipped one by its name. Raises InputError."""
    return read_with_figures(replay_path(name), Replay)
