"""What is said of every tier: its words, whose money it is, who pays and from where, how it stands among others.

The rows are in `ccp.rulebook.tier_table`. What follows from a row is a property here; no other module knows a tier by
its word but for the three whose place is fixed: the defaulters' margin and contributions, and what nobody pays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ccp.rulebook.tiers import Named


@dataclass(frozen=True)
class Stakeholder:
    """Whose money it is, as results name it; and who brings it: some of the members, an institution, or nobody."""

    name: str
    brought_by: Literal["defaulters", "survivors", "institution", "nobody"]


DEFAULTER = Stakeholder("defaulter", "defaulters")
CLEARING_HOUSE = Stakeholder("clearing house", "institution")
INSURER = Stakeholder("insurer", "institution")
PARENT = Stakeholder("parent", "institution")
OUTSIDE = Stakeholder("outside", "institution")
SURVIVORS_FUNDED = Stakeholder("survivors, funded", "survivors")
SURVIVORS_UNFUNDED = Stakeholder("survivors, unfunded", "survivors")
GAINERS = Stakeholder("gainers", "survivors")
NOBODY = Stakeholder("nobody", "nobody")
STAKEHOLDERS = (
    DEFAULTER, CLEARING_HOUSE, INSURER, PARENT, OUTSIDE, SURVIVORS_FUNDED, SURVIVORS_UNFUNDED, GAINERS, NOBODY,
)  # fmt: skip
SURVIVORS = tuple(one.name for one in STAKEHOLDERS if one.brought_by == "survivors")
"""Whose money is the survivors'."""

OWN_MARGIN, OWN_FUND, SIZED, PLEDGED, CALLED = "own margin", "own contributions", "sized", "pledged", "called"
GAINS, CONTRACTS, PAYOUTS, OFFERED, REST = "gains", "contracts", "payouts", "offered", "rest"
"""The forms of what a tier has. `ccp.waterfall.amounts.FORMS` says how its amounts are made of the rulebook."""

MARGIN, CONTRIBUTION, HOUSE, CLIENTS = "margin", "fund", "house", "clients"
MEMBERS_ACCOUNTS = (MARGIN, CONTRIBUTION, HOUSE)
"""The accounts of the ledger that members pay from: their pools, their contributions, their own house."""
BLOCKS = (
    "house", "clients", "margin", "supplementary", "fund", "estate", "settlement", "lender", "transferees", "owners",
    NOBODY.name, "unmatched", "opening",
)  # fmt: skip
"""What the ledger calls the accounts that are no tier's: `estate:3`. A tier's own account is called otherwise."""
MOVEMENTS = ("assessment", "haircut", "voluntary payment", "loss")
"""What a payment of a tier is called in the ledger."""
BILLS = ("margin", "fund", "assessments", "voluntary", "haircuts")
"""What a member's bill is made of."""


@dataclass(frozen=True, eq=False)
class TierKind:
    """What a tier is. Raises ValueError where two of its facts do not go together.

    `model` is how it stands in a rulebook, and its word. `form`: where its amounts come from. `stakeholder`: whose
    money it is. `label` is its name in plain words, `rule` says a tier's rule with its numbers, `empty` why it has
    nothing. `account` pays, of the members (`MEMBERS_ACCOUNTS`), of the tier (a name of its own), or `nobody`;
    `movement` says why. `bill`: where it stands on a member's bill, where members pay.

    `prefunded`: set aside before a default. `borne_by_capital`: what survivors pay uses up their own capital. `called`:
    survivors are asked for it, who cannot pay does not, and what was called counts in the cooling-off period.
    `cuts_claims`: taken off what survivors are owed. `open_to_others`: pays for other services too. `repeats`: may
    stand more than once. `beside_others`: may be used pari passu.
    """

    model: type[Named]
    form: str
    stakeholder: Stakeholder
    label: str
    rule: Callable[[Any], str]
    account: str
    empty: str = "empty"
    movement: str = "loss"
    bill: str | None = None
    prefunded: bool = False
    borne_by_capital: bool = False
    called: bool = False
    cuts_claims: bool = False
    open_to_others: bool = False
    repeats: bool = False
    beside_others: bool = True

    def __post_init__(self) -> None:
        wrong = [fault for fault, found in self._faults().items() if found]
        if wrong:
            raise ValueError(f"the tier {self.word}: {'; '.join(wrong)}")

    def _faults(self) -> dict[str, bool]:
        """What does not go together, and whether it is so here."""
        by = self.stakeholder.brought_by
        of_members = by in ("defaulters", "survivors")
        unnamed = self.prefunded and self.sized and self.stakeholder not in (CLEARING_HOUSE, INSURER)
        as_survivors = self.called or self.cuts_claims or self.borne_by_capital
        return {
            "a word of its own was expected": not self.word,
            "an account of the members was expected": of_members and self.account not in MEMBERS_ACCOUNTS,
            "an account of its own was expected": self.sized and self.account in BLOCKS,
            "what nobody pays has the account nobody": (by == "nobody") != (self.account == NOBODY.name),
            f"one of {', '.join(MOVEMENTS)} was expected": self.movement not in MOVEMENTS,
            f"one of {', '.join(BILLS)} was expected": of_members and self.bill not in BILLS,
            "a bill was given, and no member pays": not of_members and self.bill is not None,
            "only the clearing house's and an insurer's money counts as prefunded in results": unnamed,
            "only survivors are called on, have claims, and bear": by != "survivors" and as_survivors,
        }

    @property
    def word(self) -> str:
        """What it is called in rulebooks and in results."""
        return str(self.model.model_fields["tier"].default)

    @property
    def sized(self) -> bool:
        """Whether it has a size, and an account, of its own: neither members' money nor what is left."""
        return self.stakeholder.brought_by == "institution"

    @property
    def payer(self) -> str | None:
        """Who pays where it is no member."""
        return None if self.stakeholder.brought_by in ("defaulters", "survivors") else self.stakeholder.name

    @property
    def defaulters_own(self) -> bool:
        """Whether it is the defaulters' own money."""
        return self.stakeholder is DEFAULTER

    @property
    def of_survivors(self) -> bool:
        """Whether survivors pay."""
        return self.stakeholder.brought_by == "survivors"

    @property
    def from_contributions(self) -> bool:
        """Whether it is paid out of contributions to the fund."""
        return self.account == CONTRIBUTION

    @property
    def own_capital(self) -> bool:
        """Whether it is the capital that the clearing house has set aside for defaults, which is restored after use."""
        return self.stakeholder is CLEARING_HOUSE and self.prefunded
