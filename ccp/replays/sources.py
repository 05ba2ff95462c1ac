"""Where a replay's numbers come from, and what of it is assumed, as its figures say."""

from collections.abc import Iterator

from ccp.replays.document import Loss, Replay


def origin_of(replay: Replay, path: str) -> tuple[bool, str]:
    """Whether the number at a path is assumed; its source, or the reason. Neither, of a plain number."""
    figure = next((one for one in replay.figures if one.path == path), None)
    return (figure.assumed, figure.source or figure.reason) if figure else (False, "")


def assumed_inputs(replay: Replay) -> list[str]:
    """The paths of what goes in and has no source: of members, defaults, recoveries and margin calls."""
    return [path for path in _assumed(replay) if not path.startswith("runs.")]


def loss_set_to_margin(replay: Replay) -> bool:
    """Whether a loss and the margin against it are the same because one of them was set so. That nothing beyond margin
    was drawn is then put in, and not computed."""
    assumed = _assumed(replay)
    return any(
        loss.loss == loss.margin > 0 and any(_is_of(path, place, service) for path in assumed)
        for place, service, loss in _losses(replay)
    )


def loss_chosen(replay: Replay) -> bool:
    """Whether a loss is assumed, and not for being the margin: what tiers pay of it was put in, and not computed."""
    assumed = _assumed(replay)
    losses = any(path.startswith("defaults.") and path.endswith(".loss") for path in assumed)
    return losses and not loss_set_to_margin(replay)


def _assumed(replay: Replay) -> list[str]:
    return [one.path for one in replay.figures if one.assumed]


def _losses(replay: Replay) -> Iterator[tuple[str, str | None, Loss]]:
    """Every defaulter's loss, with the path of the defaulter and the service, where there are several."""
    for number, default in enumerate(replay.defaults):
        for name, loss in default.losses.items():
            for service in tuple(loss.by_service) or (None,):
                yield f"defaults.{number}.losses.{name}.", service, loss.of(service)


def _is_of(path: str, place: str, service: str | None) -> bool:
    """Whether a figure is a defaulter's loss or margin, in a service."""
    of_service = service is None or f".{service}." in path.removeprefix(place.rstrip("."))
    return path.startswith(place) and of_service and path.endswith((".loss", ".margin"))
