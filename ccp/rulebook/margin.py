"""The words of a rulebook's `margin` part. What each computes is said in docs/reference/margin-models.md."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticKnownError

from ccp.documents import Frozen
from ccp.products import PRODUCTS

Days = Annotated[int, Field(ge=1, le=60)]
Lookback = Annotated[int, Field(ge=2, le=100_000)]
FILTER_BURN_IN = 75
"""Rows that start the volatility filter (`ccp.scenarios.filtered`); scenarios do not reach into them."""


def _known(word: object) -> object:
    """A product's word, refused as pydantic refuses one that is not among those it knows."""
    if not isinstance(word, str) or word not in PRODUCTS:
        *others, last = (repr(known) for known in PRODUCTS)
        raise PydanticKnownError("literal_error", {"expected": f"{', '.join(others)} or {last}"})
    return word


ProductWord = Annotated[str, BeforeValidator(_known), WithJsonSchema({"enum": list(PRODUCTS), "type": "string"})]
"""The word of a product that there is."""


class Filter(Frozen):
    """Filtered historical simulation: past returns scaled to today's volatility, factor by factor."""

    decay: float = Field(default=0.97, gt=0, lt=1, description="lambda of the volatility filter")
    scaling: Literal["full", "mid"] = Field(default="full", description="mid: half way, less procyclical")
    floor: float = Field(default=0.0, ge=0, le=1, description="a return is scaled by no less than this")
    cap: float = Field(default=10.0, ge=1, le=100, description="a return is scaled by no more than this")


class Weighting(Frozen):
    """Weighted historical simulation: the older a scenario, the less it weighs."""

    decay: float = Field(default=0.99, gt=0, le=1, description="weight of a scenario over that of the next younger")


class Parametric(Frozen):
    """A distribution fitted to the losses: its scale is theirs, its tail is assumed."""

    decay: float | None = Field(default=None, gt=0, le=1, description="absent: every scenario weighs the same")
    distribution: Literal["normal", "student"] = "normal"
    degrees: float = Field(default=4.0, gt=2, le=1000, description="degrees of freedom of Student's t")


class Liquidation(Frozen):
    """How long some products take to close out. An instrument must match all that is stated."""

    days: Days
    kind: ProductWord | None = None
    asset_class: str | None = Field(default=None, description="asset class of the instrument's factor")
    instrument: str | None = Field(default=None, description="pattern of instrument ids; * stands for any text")

    @model_validator(mode="after")
    def _says_what(self) -> "Liquidation":
        if self.kind is None and self.asset_class is None and self.instrument is None:
            raise ValueError("kind, asset_class or instrument was expected beside days")
        return self


class StressPeriod(Frozen):
    """Weight given to a period of stress. Source: Regulation (EU) 153/2013, Article 28(1)(b): at least 25 %."""

    weight: float = Field(default=0.25, gt=0, le=1)
    reading: Literal["blend", "sample"] = Field(
        default="blend", description="blend: of two margins; sample: of two sets of scenarios, weighted"
    )
    from_: date | None = Field(default=None, alias="from", description="first day of the period")
    to: date | None = Field(default=None, description="last day of the period")
    days: int = Field(default=250, ge=2, le=5000, description="else: the most severe period of this many days so far")

    @model_validator(mode="after")
    def _whole_period(self) -> "StressPeriod":
        if (self.from_ is None) != (self.to is None):
            raise ValueError("from and to were expected together, or neither")
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise ValueError("from before to was expected")
        return self


class MarginFloor(Frozen):
    """Not below the unweighted margin of a long look-back. Source: the same, Article 28(1)(c): ten years."""

    lookback_days: Lookback = 2500


class Buffer(Frozen):
    """A buffer that rises of margin may eat. Source: the same, Article 28(1)(a): at least 25 %."""

    share: float = Field(default=0.25, gt=0, le=10)


class OffsetLimit(Frozen):
    """How much of the margin saved by offsets between products counts. Source: the same, Article 27: 80 %."""

    share: float = Field(default=0.8, ge=0, le=1)
    by: Literal["asset_class", "factor", "instrument"] = "asset_class"


class Concentration(Frozen):
    """More margin for positions that take longer to sell than the liquidation period."""

    level: Literal["account", "pool", "member", "group"] = Field(
        default="group", description="whose positions of the same side are sold together and set the pace"
    )
    participation: float = Field(default=0.25, gt=0, le=1, description="share of average daily volume sold a day")
    quantile: float = Field(default=2.33, gt=0, le=20, description="takes daily risk to the margin's confidence")


class AddOns(Frozen):
    """What is added to the model's margin."""

    concentration: Concentration | None = None
    bid_ask: bool = Field(default=False, description="half the bid-ask spread of every position")
    wrong_way: float | None = Field(
        default=None, gt=0, le=1, description="share of the value of what an account holds of its own group's paper"
    )


class MarginRules(Frozen):
    """How initial margin is measured."""

    model: Literal["historical", "filtered", "weighted", "parametric"] = "historical"
    measure: Literal["expected_shortfall", "value_at_risk"] = "expected_shortfall"
    confidence: float = Field(gt=0, lt=1, description="share of losses that margin covers; 0.99 is 99 %")
    lookback_days: int = Field(ge=2, le=100_000, description="margin scenarios: this many latest overlapping returns")
    liquidation_days: int = Field(ge=1, le=20, description="business days it takes to close a book out")
    quantile: Literal["ceil", "floor_plus_one"] = Field(
        default="ceil",
        description="which order statistic is the quantile of n losses: the ceil(n * confidence)-th smallest, "
        "or the floor(n * confidence) + 1st (differs when n * confidence is whole)",
    )
    filter: Filter = Field(default_factory=Filter, description="for model: filtered")
    weighting: Weighting = Field(default_factory=Weighting, description="for model: weighted")
    parametric: Parametric = Field(default_factory=Parametric, description="for model: parametric")
    liquidation: tuple[Liquidation, ...] = Field(default=(), description="other periods by product; the first match")
    stress_period: StressPeriod | None = None
    floor: MarginFloor | None = None
    offset_limit: OffsetLimit | None = None
    buffer: Buffer | None = None
    add_ons: AddOns = Field(default_factory=AddOns)

    @model_validator(mode="after")
    def _parts_fit(self) -> "MarginRules":
        stress = self.stress_period
        if stress is not None and stress.reading == "sample" and self.model != "historical":
            raise ValueError("stress_period with reading: sample was expected with model: historical only")
        for part in ("filter", "weighting", "parametric"):
            used = {"filter": "filtered", "weighting": "weighted", "parametric": "parametric"}[part]
            value = getattr(self, part)
            if self.model != used and value != type(value)():  # its defaults may stand, as a manifest spells them out
                raise ValueError(f"{part} was expected with model: {used} only, the model is {self.model}")
        return self

    @property
    def longest_days(self) -> int:
        """The longest liquidation period of any product."""
        return max([self.liquidation_days, *(entry.days for entry in self.liquidation)])

    @property
    def history_rows(self) -> int:
        """How many of the market's latest rows must hold a value of every factor."""
        burn_in = FILTER_BURN_IN if self.model == "filtered" else 0
        return self.lookback_days + self.longest_days + burn_in
