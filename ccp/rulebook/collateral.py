"""The words of a rulebook's `collateral` part."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from ccp.documents import Frozen

OTHERS = "*"
"""In a mapping of limits, whatever it does not name."""
LIMITS: tuple[str, ...] = ("issuer", "issuer_group", "asset_class", "currency")
"""What a concentration limit may be on, in the order in which limits are applied."""
SHARE = {"type": "number", "minimum": 0, "maximum": 1}


def _by_name(value: Any) -> Any:
    """A share alone is short for one that holds for every name."""
    return value if isinstance(value, dict | None) else {OTHERS: value}


def _stated(shares: dict[str, float]) -> dict[str, float]:
    if not shares:
        raise ValueError("at least one entry was expected, there is none")
    return shares


Shares = Annotated[
    dict[str, Annotated[float, Field(ge=0, le=1)]],
    AfterValidator(_stated),
    BeforeValidator(_by_name),
    WithJsonSchema({"anyOf": [SHARE, {"type": "object", "additionalProperties": SHARE, "minProperties": 1}]}),
]


def _limit(of_one: str) -> Any:
    about = "as a share of its pool's requirement: one for all, or by name, with * for those not named"
    return Field(default=None, description=f"most that {of_one} counts for, {about}")


class CollateralRules(Frozen):
    """What collateral counts for."""

    stress: Literal["haircut", "scenario"] = Field(
        default="haircut",
        description="in stress, either the value after haircut or the market value moved by the scenario; never both",
    )
    liquidation_days: int | None = Field(
        default=None,
        ge=1,
        le=20,
        description="business days it takes to sell collateral, over which scenarios of the history move it; absent: "
        "margin.liquidation_days",
    )
    asset_limit: float | None = Field(
        default=None, gt=0, le=1, description="another word for an issuer_limit that is the same for every issuer"
    )
    issuer_limit: Shares | None = _limit("the paper of one issuer")
    issuer_group_limit: Shares | None = _limit("the paper of one group of issuers")
    asset_class_limit: Shares | None = _limit("collateral of one asset class")
    currency_limit: Shares | None = _limit("collateral in one currency other than the service's")

    @model_validator(mode="after")
    def _said_once(self) -> "CollateralRules":
        if self.asset_limit is not None and self.issuer_limit is not None:
            raise ValueError("asset_limit is another word for issuer_limit; one of them was expected")
        return self

    @property
    def limits(self) -> dict[str, dict[str, float]]:
        """The shares by name of every limit there is, in the order in which limits are applied."""
        stated = {name: getattr(self, f"{name}_limit") for name in LIMITS}
        if self.asset_limit is not None:
            stated["issuer"] = {OTHERS: self.asset_limit}
        return {name: shares for name, shares in stated.items() if shares is not None}
