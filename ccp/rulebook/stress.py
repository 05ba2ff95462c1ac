"""The words of a rulebook's `stress` part."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ccp.documents import Frozen

LadderName = Literal["market_gaps", "sector_gaps", "currency_gaps"]
GAP_SIZES = (0.10, 0.15, 0.20, 0.25, 0.30, 0.40)
Multiples = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]


class HistoricalStress(Frozen):
    """The worst windows of the history."""

    worst: int = Field(ge=1, description="how many windows, worst first, no two of them overlapping")
    multiples: Multiples | None = Field(default=None, description="instead of the multiples of the whole set")


class Ladder(Frozen):
    """A ladder of gaps, both ways, with moves of volatility.

    `volatility_per_fall` is the relative rise of every volatility for a fall of one (4: a fall of 20 %
    raises volatility by 80 %); `volatility_per_rise` likewise for a rise.
    """

    ladder: LadderName
    sizes: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(default=GAP_SIZES, min_length=1)
    volatility_per_fall: float = Field(default=4.0, ge=0)
    volatility_per_rise: float = Field(default=1.0, ge=-1)
    multiples: Multiples | None = Field(default=None, description="instead of the multiples of the whole set")


def _named(value: object) -> object:
    return {"ladder": value} if isinstance(value, str) else value


class Plausible(Frozen):
    """Where extreme stops being plausible: scenarios beyond are run and reported, but do not size the fund."""

    multiple: float = Field(default=1.0, gt=0, description="largest multiple that still sizes the fund")
    gap: float = Field(default=1.0, gt=0, le=1, description="largest gap of a ladder that still sizes the fund")


class StressRules(Frozen):
    """Which scenarios are run, and what counts against their losses."""

    house_surplus_covers_clients: bool = Field(
        default=True,
        description="whether a member's own surplus margin pays for its clients' shortfalls (never the reverse)",
    )
    resources: Literal["required", "held", "minimum"] = Field(
        default="minimum",
        description="what counts as a pool's margin: the requirement, the collateral held after haircut, or the "
        "smaller of the two (excess collateral may be withdrawn before a default)",
    )
    historical: HistoricalStress | None = None
    hypothetical: tuple[Annotated[Ladder, BeforeValidator(_named)], ...] = ()
    multiples: Multiples = Field(default=(1.0,), description="every scenario is run at each of these multiples")
    plausible: Plausible | None = Field(default=None, description="absent: every scenario sizes the fund")
