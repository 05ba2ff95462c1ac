"""What somebody would change about a book or its rules, as a document."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ccp.documents import Frozen
from ccp.errors import LARGEST_AMOUNT, NAME

Factor = Annotated[float, Field(ge=-1_000, le=1_000, allow_inf_nan=False)]


class Trade(Frozen):
    """A quantity added to what an account holds of an instrument; its counterparty is a trade of its own."""

    account_id: str
    instrument_id: str
    quantity: float = Field(allow_inf_nan=False)


class _Holder(Frozen):
    account_id: str | None = None
    member_id: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "_Holder":
        if (self.account_id is None) == (self.member_id is None):
            raise ValueError("account_id or member_id was expected, one of them")
        return self


class Scale(_Holder):
    """All positions of an account, or of all accounts of a member, times a factor."""

    by: Factor


class Remove(_Holder):
    """An account that goes, or a member with all its accounts, its collateral and its contribution."""


class NewAccount(Frozen):
    """An account that comes, empty: its positions are trades."""

    account_id: str = Field(min_length=1)
    member_id: str
    pool_id: str | None = Field(default=None, min_length=1)
    kind: Literal["house", "client"]
    client_id: str | None = Field(default=None, min_length=1)

    @property
    def pool(self) -> str:
        """The account's pool: its own by default."""
        return self.account_id if self.pool_id is None else self.pool_id


class NewMember(Frozen):
    """A member that comes, without accounts."""

    member_id: str = Field(min_length=1, pattern=NAME)
    group_id: str | None = Field(default=None, min_length=1, pattern=NAME)
    fund_contribution: float | None = Field(default=None, ge=0, le=LARGEST_AMOUNT)
    capital: float | None = Field(default=None, ge=0, le=LARGEST_AMOUNT)


class Changes(Frozen):
    """What is changed, in this order: members and accounts come, members and accounts go, positions are scaled, trades
    are added. `rules` are values of the rulebook by their path, such as `fund.cover`."""

    add_members: tuple[NewMember, ...] = ()
    add_accounts: tuple[NewAccount, ...] = ()
    remove: tuple[Remove, ...] = ()
    scale: tuple[Scale, ...] = ()
    trades: tuple[Trade, ...] = ()
    rules: dict[str, Any] = Field(default_factory=dict)
