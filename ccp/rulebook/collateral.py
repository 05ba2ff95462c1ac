"""The words of a rulebook's `collateral` part."""

from typing import Literal

from pydantic import Field

from ccp.documents import Frozen


class CollateralRules(Frozen):
    """What collateral counts for."""

    stress: Literal["haircut", "scenario"] = Field(
        default="haircut",
        description="in stress, either the value after haircut or the market value moved by the scenario; never both",
    )
    asset_limit: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="most that one security counts for, as a share of its pool's requirement",
    )
