"""The words of a rulebook's `stress` part."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ccp.documents import Frozen

LadderName = Literal["market_gaps", "class_gaps", "sector_gaps", "currency_gaps", "sector_breaks"]
GAP_SIZES = (0.10, 0.15, 0.20, 0.25, 0.30, 0.40)
ShiftShape = Literal["parallel", "steeper", "flatter"]
SHIFT_SIZES = (50.0, 100.0, 200.0, 300.0)
LARGEST_SHIFT = 2000.0
"""In basis points."""


def check_distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Every value at most once, as it is written in a scenario's id: twice would make the same scenario twice."""
    written = [value if isinstance(value, str) else f"{value:g}" for value in values]
    twice = [value for value in written if written.count(value) > 1]
    if twice:
        raise ValueError(f"{twice[0]} stands twice; once was expected")
    return values


Multiples = Annotated[
    tuple[Annotated[float, Field(gt=0, le=100)], ...], Field(min_length=1), AfterValidator(check_distinct)
]


Count = Annotated[int, Field(ge=1, le=100_000)]


class HistoricalStress(Frozen):
    """Windows of the history: all of them, or the worst by a measure, or several of these together."""

    all: bool = Field(
        default=False,
        description="every window is run over the book, and each in which somebody or something loses most is kept: "
        "a group, a member, a pair, the groups of cover-N, an asset class",
    )
    worst: Count | None = Field(
        default=None,
        description="how many windows, hardest for the market as a whole first, no two of them overlapping",
    )
    worst_of_each_factor: Count | None = Field(
        default=None,
        description="how many windows of each factor that the book needs: those in which it falls furthest, and as "
        "many in which it rises furthest, no two of one way overlapping",
    )
    worst_of_each_group: Count | None = Field(
        default=None,
        description="how many windows of each group: those in which it loses most over margin, no two of them "
        "overlapping",
    )
    multiples: Multiples | None = Field(default=None, description="instead of the multiples of the whole set")

    @model_validator(mode="before")
    @classmethod
    def _every(cls, value: object) -> object:
        """The word `all` alone is short for every window; lists as `_named` has it."""
        if value == "all" or isinstance(value, dict):
            return {"all": True} if value == "all" else _as_read(value)
        raise ValueError(f"`all`, or a mapping with some of {', '.join(cls.model_fields)}, was expected")

    @model_validator(mode="after")
    def _check_some(self) -> Self:
        if not (self.all or self.worst or self.worst_of_each_factor or self.worst_of_each_group):
            raise ValueError(
                "`all`, or a number of `worst`, `worst_of_each_factor` or `worst_of_each_group`, was expected"
            )
        return self

    @property
    def screened(self) -> bool:
        """Whether every window has to be run over the book before it is known which are kept."""
        return self.all or self.worst_of_each_group is not None


class Ladder(Frozen):
    """A ladder of gaps, both ways, with moves of volatility; of breaks one sector falls as another rises.

    `volatility_per_fall` is the relative rise of every volatility for a fall of one (4: a fall of 20 %
    raises volatility by 80 %); `volatility_per_rise` likewise for a rise.
    """

    ladder: LadderName
    sizes: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(default=GAP_SIZES, min_length=1)
    volatility_per_fall: float = Field(default=4.0, ge=0, le=100)
    volatility_per_rise: float = Field(default=1.0, ge=-1, le=100)
    level_floor: float = Field(
        default=0.5,
        ge=0,
        le=100,
        description="a price that moves by differences is gapped by a share of its level, or of this share of its "
        "usual level (the median of its size over the latest 250 days) where that is more: near zero a share of the "
        "level alone is nothing",
    )
    multiples: Multiples | None = Field(default=None, description="instead of the multiples of the whole set")


class SingleNameGaps(Frozen):
    """Each factor alone, down and up: by sizes, or by multiples of its own largest fall and rise in the history.

    `volatility_per_fall`, `volatility_per_rise` and `level_floor` are as in a ladder of gaps. Every one is run over the
    book, and those are kept in which somebody or something loses most.
    """

    sizes: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], AfterValidator(check_distinct)] = Field(
        default=(), description="shares of a price's level; run at each of the multiples of the whole set"
    )
    multiples_of_own_worst: Annotated[
        tuple[Annotated[float, Field(gt=0, le=100)], ...], AfterValidator(check_distinct)
    ] = Field(
        default=(),
        description="of a factor's largest fall and of its largest rise over the days that what follows it takes to "
        "close out, in the history known on the day",
    )
    volatility_per_fall: float = Field(default=4.0, ge=0, le=100)
    volatility_per_rise: float = Field(default=1.0, ge=-1, le=100)
    level_floor: float = Field(default=0.5, ge=0, le=100)

    @model_validator(mode="after")
    def _check_some(self) -> Self:
        if not (self.sizes or self.multiples_of_own_worst):
            raise ValueError("`sizes` or `multiples_of_own_worst` were expected")
        return self


class RateShifts(Frozen):
    """Shifts of all rates by so many basis points: the whole curve up and down, steeper, and flatter.

    A twist moves rates whose tenor is known, and needs two different ones.
    """

    basis_points: Annotated[
        tuple[Annotated[float, Field(gt=0, le=LARGEST_SHIFT)], ...], Field(min_length=1), AfterValidator(check_distinct)
    ] = SHIFT_SIZES
    shapes: Annotated[tuple[ShiftShape, ...], AfterValidator(check_distinct)] = Field(
        default=("parallel", "steeper", "flatter"), description="none, []: rates are not shifted"
    )
    multiples: Multiples | None = Field(default=None, description="instead of the multiples of the whole set")


def _named(value: object) -> object:
    """A ladder's name alone is short for a ladder of that name.

    Strict pydantic takes a list for a tuple only while it reads JSON itself, and after this function it no longer does.
    """
    return {"ladder": value} if isinstance(value, str) else _as_read(value)


def _as_read(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {key: tuple(entry) if isinstance(entry, list) else entry for key, entry in value.items()}


def percent(size: float) -> str:
    """A gap as it is written in a scenario's id: 15%."""
    return f"{abs(size) * 100:g}%"


def check_ladders(ladders: tuple[Ladder, ...]) -> tuple[Ladder, ...]:
    """Every rung at most once, as it is written in a scenario's id: a ladder may stand twice, with other sizes."""
    rungs = [(ladder.ladder, percent(size)) for ladder in ladders for size in ladder.sizes]
    twice = sorted({rung for rung in rungs if rungs.count(rung) > 1})
    if twice:
        raise ValueError(f"the ladder {twice[0][0]} has the size {twice[0][1]} twice; once was expected")
    return ladders


class Plausible(Frozen):
    """Where extreme stops being plausible: scenarios beyond are run and reported, but do not size the fund."""

    multiple: float = Field(default=1.0, gt=0, description="largest multiple that still sizes the fund")
    gap: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="largest gap that still sizes the fund: of a ladder, or a size of single names",
    )
    shift: float = Field(
        default=LARGEST_SHIFT, gt=0, le=LARGEST_SHIFT, description="largest shift of rates, in basis points, likewise"
    )


class OwnPaper(Frozen):
    """What an instrument is worth when the group that issued it defaults."""

    recovery: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="the share of its price today that paper keeps when its issuer defaults; options on it are valued "
        "at such a price",
    )


class StressRules(Frozen):
    """Which scenarios are run, and what counts against their losses."""

    house_surplus_covers_clients: bool = Field(
        default=True,
        description="whether a member's own surplus margin pays for its clients' shortfalls (never the reverse); its "
        "house pools pay for each other in any case",
    )
    resources: Literal["required", "held", "minimum"] = Field(
        default="minimum",
        description="what counts as a pool's margin: the requirement, the collateral held after haircut, or the "
        "smaller of the two (excess collateral may be withdrawn before a default)",
    )
    horizon: Literal["own", "longest"] = Field(
        default="own",
        description="over which period windows of the history move an instrument: its own, or the longest of all that "
        "its account holds",
    )
    own_paper: Literal["none"] | OwnPaper = Field(
        default=OwnPaper(),
        description="positions of defaulters in instruments that one of them has issued are worth what is recovered "
        "of these, long and short, and options on them follow; none: they move as the scenario says",
    )
    historical: HistoricalStress | None = None
    hypothetical: Annotated[tuple[Annotated[Ladder, BeforeValidator(_named)], ...], AfterValidator(check_ladders)] = ()
    rate_shifts: RateShifts | None = Field(
        default=None,
        description="shifts of the rates, which no gap of a share of their level moves; absent: those of the default "
        "beside any ladder of gaps",
    )
    single_names: SingleNameGaps | None = None
    multiples: Multiples = Field(
        default=(1.0,),
        description="every scenario is run at each of these multiples, but for multiples of a factor's own worst",
    )
    most_sets: int = Field(
        default=20_000,
        ge=1,
        le=100_000_000,
        description="where selling books costs something, or groups hold one another's paper: how many sets of groups "
        "the search of the worst looks at in a scenario; where it ends without proof the fund takes its bound",
    )
    plausible: Plausible | None = Field(default=None, description="absent: every scenario sizes the fund")

    @property
    def shifts(self) -> RateShifts | None:
        """The shifts of rates that are run: a rulebook that has ladders of gaps has them too."""
        return self.rate_shifts or (RateShifts() if self.hypothetical else None)
