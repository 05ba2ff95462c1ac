"""The words of a rulebook's `default_management` part: what carries over from one default to the next."""

from typing import Literal

from pydantic import Field

from ccp.documents import Frozen


class DefaultManagement(Frozen):
    """Periods, recoveries and fire sales. What they compute: docs/reference/waterfall.md, sections 5 and 6."""

    cooling_off_days: int | None = Field(
        default=None, ge=1, le=1000, description="the capped period from the first default; absent: it never ends"
    )
    extended_by_defaults: bool = Field(
        default=True, description="whether a further default within the period starts it anew"
    )
    replenishment_multiple: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="at most this multiple of what is required is refilled in a period; absent: no limit",
    )
    recoveries: Literal["reverse", "pro_rata"] = Field(
        default="reverse", description="reverse: who paid last is repaid first; pro_rata: all alike"
    )
    gains_add_to_capital: bool = Field(
        default=False,
        description="whether, in contagion, what a survivor's house gains adds to its capital, as its losses are taken "
        "off",
    )
    fire_sale: bool = Field(
        default=False, description="whether selling defaulters' books moves the prices that all others are marked at"
    )
