"""Every tier, a row each: what it is stands here and nowhere else.

A new tier is a row here, a model in `ccp.rulebook.tiers` and a worked case in `tests/waterfall/cases`. One whose
amounts are of no form that is known needs a line in `ccp.waterfall.amounts.FORMS`, a function in `ccp.waterfall.tiers`
for what it offers, and a line in the kernel for what it can pay.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ccp.rulebook import tiers, wording
from ccp.rulebook.tier_kind import (
    CALLED,
    CLEARING_HOUSE,
    CONTRACTS,
    CONTRIBUTION,
    DEFAULTER,
    GAINERS,
    GAINS,
    HOUSE,
    INSURER,
    MARGIN,
    NOBODY,
    OFFERED,
    OUTSIDE,
    OWN_FUND,
    OWN_MARGIN,
    PARENT,
    PAYOUTS,
    PLEDGED,
    REST,
    SIZED,
    SURVIVORS_FUNDED,
    SURVIVORS_UNFUNDED,
    TierKind,
)

UNUSED = "empty: used before, or of size zero"

ROWS = (
    TierKind(
        tiers.DefaulterMargin,
        OWN_MARGIN,
        DEFAULTER,
        "defaulters' margin",
        wording.defaulter_margin,
        account=MARGIN,
        bill="margin",
        prefunded=True,
        open_to_others=True,
        beside_others=False,
    ),
    TierKind(
        tiers.DefaulterFund,
        OWN_FUND,
        DEFAULTER,
        "defaulters' contributions",
        wording.defaulter_fund,
        account=CONTRIBUTION,
        bill="fund",
        prefunded=True,
        open_to_others=True,
        beside_others=False,
    ),
    TierKind(
        tiers.CcpCapital,
        SIZED,
        CLEARING_HOUSE,
        "skin in the game",
        wording.ccp_capital,
        account="capital",
        empty=UNUSED,
        prefunded=True,
        open_to_others=True,
        repeats=True,
    ),
    TierKind(
        tiers.Insurance,
        SIZED,
        INSURER,
        "insurance",
        wording.insurance,
        account="insurance",
        empty=UNUSED,
        prefunded=True,
        open_to_others=True,
        repeats=True,
    ),
    TierKind(
        tiers.SurvivorsFund,
        PLEDGED,
        SURVIVORS_FUNDED,
        "survivors' contributions",
        wording.survivors_fund,
        account=CONTRIBUTION,
        empty="empty: no survivor has a contribution here",
        bill="fund",
        prefunded=True,
        borne_by_capital=True,
        open_to_others=True,
        repeats=True,
    ),
    TierKind(
        tiers.Assessments,
        CALLED,
        SURVIVORS_UNFUNDED,
        "assessments",
        wording.assessments,
        account=HOUSE,
        empty="empty: nobody is left to call, or all that may be called in the period has been",
        movement="assessment",
        bill="assessments",
        borne_by_capital=True,
        called=True,
        repeats=True,
    ),
    TierKind(
        tiers.GainsHaircut,
        GAINS,
        GAINERS,
        "variation margin gains haircut",
        wording.gains_haircut,
        account=HOUSE,
        empty="empty: no survivor has gained",
        movement="haircut",
        bill="haircuts",
        borne_by_capital=True,
        cuts_claims=True,
    ),
    TierKind(
        tiers.TearUp,
        CONTRACTS,
        GAINERS,
        "tear-up",
        wording.tear_up,
        account=HOUSE,
        empty="empty: no survivor has a claim left",
        movement="haircut",
        bill="haircuts",
        borne_by_capital=True,
        cuts_claims=True,
    ),
    TierKind(
        tiers.Voluntary,
        OFFERED,
        SURVIVORS_UNFUNDED,
        "voluntary payments",
        wording.voluntary,
        account=HOUSE,
        empty="empty: nobody offers anything",
        movement="voluntary payment",
        bill="voluntary",
        borne_by_capital=True,
    ),
    TierKind(
        tiers.CcpEquity,
        SIZED,
        CLEARING_HOUSE,
        "clearing house's equity",
        wording.ccp_equity,
        account="equity",
        empty=UNUSED,
        repeats=True,
    ),
    TierKind(
        tiers.ParentGuarantee,
        SIZED,
        PARENT,
        "parent's guarantee",
        wording.parent_guarantee,
        account="guarantee",
        empty=UNUSED,
        repeats=True,
    ),
    TierKind(
        tiers.OutsideSupport,
        SIZED,
        OUTSIDE,
        "third-party support",
        wording.outside_support,
        account="support",
        empty=UNUSED,
        repeats=True,
    ),
    TierKind(
        tiers.PayoutHaircut,
        PAYOUTS,
        GAINERS,
        "haircut on payouts",
        wording.payout_haircut,
        account=HOUSE,
        empty="empty: no survivor has a payout left",
        movement="haircut",
        bill="haircuts",
        borne_by_capital=True,
        cuts_claims=True,
    ),
    TierKind(
        tiers.Uncovered,
        REST,
        NOBODY,
        "uncovered",
        wording.uncovered,
        account=NOBODY.name,
        open_to_others=True,
        beside_others=False,
    ),
)
"""In the order in which rulebooks mostly have them."""
DEFAULTER_MARGIN, DEFAULTER_FUND, UNCOVERED = ROWS[0].word, ROWS[1].word, ROWS[-1].word
"""The words of the tiers whose place is fixed: first, second, last."""
_by_word: dict[str, TierKind] = {}


def kind_of(word: str) -> TierKind:
    """What the tier of a word is. Raises ValueError for a word that no tier has."""
    if word not in _by_word:
        raise ValueError(f"no tier is called {word!r}; there are {', '.join(_by_word)}")
    return _by_word[word]


def all_kinds() -> tuple[TierKind, ...]:
    """Every tier that there is."""
    return tuple(_by_word.values())


def tier_words() -> tuple[str, ...]:
    """The word of every tier that there is."""
    return tuple(_by_word)


def rule_in_words(part: tiers.Named) -> str:
    """What a tier's rule says, with its numbers."""
    return kind_of(part.word).rule(part)


def label_of(word: str) -> str:
    """A tier in plain words; also one that only a finished run knows."""
    return _by_word[word].label if word in _by_word else word.replace("_", " ")


@contextmanager
def added(*kinds: TierKind) -> Iterator[None]:
    """There are some tiers more while this lasts: for tests. Raises ValueError for a word or an account in use."""
    before = dict(_by_word)
    try:
        _add(kinds)
        yield
    finally:
        _by_word.clear()
        _by_word.update(before)


def _add(kinds: Iterable[TierKind]) -> None:
    """Add rows to the table, which changes it. Raises ValueError for a word or an account in use."""
    for kind in kinds:
        _refuse_taken(kind)
        _by_word[kind.word] = kind


def _refuse_taken(kind: TierKind) -> None:
    taken: list[Any] = [one for one in all_kinds() if one.word == kind.word]
    taken += [one for one in all_kinds() if kind.sized and one.account == kind.account]
    if taken:
        raise ValueError(f"the tier {kind.word}: its word or its account is that of {taken[0].word}")


_add(ROWS)
