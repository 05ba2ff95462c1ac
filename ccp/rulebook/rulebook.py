"""The whole rulebook."""

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from ccp.documents import Frozen
from ccp.errors import CURRENCY, LARGEST_AMOUNT
from ccp.rulebook.close_out import CloseOutRules
from ccp.rulebook.collateral import CollateralRules
from ccp.rulebook.default_management import DefaultManagement
from ccp.rulebook.figures import Figure
from ccp.rulebook.fund import FundRules
from ccp.rulebook.indicators import Indicators
from ccp.rulebook.margin import MarginRules
from ccp.rulebook.settlement import SettlementRules
from ccp.rulebook.stress import HistoricalStress, StressRules
from ccp.rulebook.tier_forms import Tier, all_parts, check_order
from ccp.rulebook.tier_kind import GAINS
from ccp.rulebook.tier_table import kind_of
from ccp.rulebook.tiers import VARIATION_ONLY


class BookRules(Frozen):
    """What must hold of any book cleared under these rules."""

    matched: bool = Field(default=True, description="whether quantities must sum to zero in every instrument")


def _textbook_stress() -> StressRules:
    return StressRules(historical=HistoricalStress(worst=10))


class Rulebook(Frozen):
    """One clearing service's rules: how it margins, what it stresses, how large its fund is, and who pays when."""

    name: str = Field(min_length=1)
    description: str = ""
    source: str = Field(default="", description="where the rules come from")
    as_of: date | None = Field(default=None, description="of when the rules are")
    currency: str = Field(pattern=CURRENCY, description="service currency (ISO 4217)")
    currency_digits: int = Field(default=2, ge=0, le=4, description="decimal digits of the currency's minor unit")
    book: BookRules = Field(default_factory=BookRules)
    margin: MarginRules
    stress: StressRules = Field(default_factory=_textbook_stress)
    close_out: CloseOutRules = Field(default_factory=CloseOutRules)
    collateral: CollateralRules = Field(default_factory=CollateralRules)
    settlement: SettlementRules = Field(default_factory=SettlementRules)
    fund: FundRules = Field(default_factory=FundRules)
    regulatory_capital: float | None = Field(
        default=None, ge=0, le=LARGEST_AMOUNT, description="the clearing house's capital under its regulation"
    )
    default_management: DefaultManagement = Field(default_factory=DefaultManagement)
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1), AfterValidator(check_order)]
    indicators: Indicators = Field(default_factory=Indicators, description="when key risk indicators turn amber or red")
    figures: tuple[Figure, ...] = Field(default=(), description="where numbers come from; filled from the file")

    @property
    def counted_gains(self) -> tuple[str, ...]:
        """Which of what the clearing house owes since a default counts as a gain that a haircut may cut."""
        cut: list[Any] = [part for part in all_parts(self.tiers) if kind_of(part.word).form == GAINS]
        return cut[0].counts if cut else VARIATION_ONLY

    @property
    def collateral_days(self) -> int:
        """The days that it takes to sell collateral."""
        return self.collateral.liquidation_days or self.margin.liquidation_days

    @model_validator(mode="after")
    def _regulatory_capital_known(self) -> "Rulebook":
        shares = [getattr(part, "share_of_regulatory_capital", None) for part in all_parts(self.tiers)]
        if self.regulatory_capital is None and any(share is not None for share in shares):
            raise ValueError("share_of_regulatory_capital needs the rulebook's regulatory_capital")
        return self
