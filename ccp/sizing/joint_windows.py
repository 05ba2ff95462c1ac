"""Windows of the history and single names that may be worst because books are sold together.

Every window is known by what each group loses alone. Where selling costs something a set may lose more, so that another
window can be the worst for it than that of the largest single losses. In a window that is not kept a set counts for at
most what its groups count for alone and `more` of them (`ccp.stress.loss_over_margin.SetBounds`); a window is kept when
that passes the worst of the scenarios that are. What is left is proved to be no worse (docs/decisions/0034).
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from itertools import chain

import numpy as np

from ccp.kernels.exposure.windows import WindowSums
from ccp.pricing.revalue import Cube
from ccp.scenarios.kept import KeptScenarios
from ccp.sizing.cover import (
    EMIR,
    cover_name,
    cover_numbers,
    emir_42_3,
    emir_42_3_in,
    first_and_next_two,
    largest_losses,
    worst_over,
)
from ccp.sizing.coverage import burden, prefunded
from ccp.sizing.size import counted_scenarios
from ccp.sizing.worst_set import Counts, as_it_is, passes, worst_beyond
from ccp.stress.cube_rows import CubeRows
from ccp.stress.joint_losses import BLOCK, MOST_KEPT, JointLosses, MoreTogether, PoolResults
from ccp.stress.joint_sale import JointSale
from ccp.stress.loss_over_margin import SetBounds, SetLosses, StressLosses
from ccp.stress.measure import Losses, Measured
from ccp.stress.paper import CrossPaper, largest_jumps
from ccp.stress.paper_everywhere import CountedIn, PaperEverywhere, PaperMore
from ccp.stress.recent import Recent
from ccp.stress.sold_everywhere import SoldEverywhere, sold_everywhere
from ccp.stress.windows import SLICE, LeftOpen, Screened, WindowModel
from ccp.types import Cents, Flags, Index, Vector
from ccp.waterfall.plan import Plan

MOST_VALUED = 512
"""In so many candidates, those of the largest bounds, sets are valued to answer a question; of others the bound stands.
"""
FEW = 64
"""Where more candidates than this are in question, another pass over the book bounds them with margin counted."""
MOST_FURTHER = 32
"""So many windows are measured beside those in which groups lose most one by one; then what is known stands."""
BLOCKS = 512
"""So many blocks of candidates, in which sets are valued, are kept."""


PaperOf = Callable[[int], PaperMore]
"""What groups lose more for one another's paper in sets with so many others, in every candidate."""


def most_of_sets(sold: Cents, paper: PaperOf | None, count: int, counts: Counts) -> Cents:
    """By candidate, what no set of at most `count` groups counts for more than, where none of them loses more for being
    sold with others than `sold` (group x candidate).

    A set in which nobody has issued paper of another's counts for its groups, each with the most that it may lose more;
    of the others one issuer after the other is taken as being in it. More is added before it counts: where a group's
    own money pays for all that it may lose, it counts for nothing.
    """
    alone = largest_losses(np.maximum(counts.of(sold), 0), count).sum(axis=0)
    if paper is None or count == 1:
        return alone
    more = paper(count - 1)
    most = more.most(count - 1)
    sets, own = [alone], np.maximum(counts.of(sold + most), 0)
    for place, issuer in enumerate(more.paper.issuers.tolist()):
        beside = np.maximum(counts.of(sold + more.of_issuer(place)), 0) if count == 2 else own.copy()
        beside[issuer] = 0
        sets.append(own[issuer] + largest_losses(beside, count - 1).sum(axis=0))
    return np.max(sets, axis=0)


@dataclass(frozen=True, eq=False)
class CandidateBounds:
    """How much more sets may lose in each candidate: for being sold together, and for one another's paper, which
    `paper` gives for so many others in the set."""

    sale: JointSale
    paper: PaperOf | None = None

    def most_of_sets(self, losses: Cents, count: int, counts: Counts | None = None) -> Cents:
        """By candidate, what no set of at most `count` groups counts for more than.

        `losses` (group x candidate) is what each loses alone, `counts` what a loss counts for (default: itself).
        """
        counts, sold = counts or as_it_is(len(losses)), losses + self.sale.most(count)[:, None]
        return most_of_sets(sold, self.paper, count, counts)

    def more_of_two(self) -> Cents:
        """By candidate, the most that any two groups lose more together."""
        more = self.sale.most(2)[:, None] + (0 if self.paper is None else self.paper(1).most(1))
        return np.sort(more, axis=0)[-2:].sum(axis=0)

    def at(self, candidate: int, count: int) -> SetBounds:
        """Those of one candidate, for sets of at most `count`."""
        if self.paper is None or count == 1:
            return self.sale
        more = self.paper(count - 1)
        return MoreTogether(self.sale, more.paper.with_more(more.at(candidate)))


@dataclass(frozen=True)
class LossView:
    """One way to look at losses: in the scenarios that are `kept`, and of each group alone in `every` candidate.

    `bounds` say how much more sets may lose in the scenarios and in every candidate, None where they lose no more;
    `closer`, for sets of at most so many groups, what these can count for at most, margin counted: one more pass over
    the book.
    `valued` gives what sets lose in a candidate, with its place there. `plans` are those whose coverage test is looked
    at, by what the test is called. `aside` is what is said of it where the fund is not sized by this view.
    """

    kept: SetLosses
    every: StressLosses
    bounds: CandidateBounds | None
    valued: Callable[[int], tuple[SetLosses, int]]
    closer: Callable[[int, Counts], Cents]
    plans: Mapping[str, Plan] = field(default_factory=dict)
    aside: str = ""


Worse = tuple[str, int, Cents, bool]
"""What may be worse in some of the candidates left out: its name, its worst so far, by candidate how much more it may
be, and whether that is known."""


@dataclass(frozen=True)
class Question:
    """What is asked of every candidate: `worst` is the answer over the scenarios that are kept, `most` by candidate
    what no answer passes for certain, and `closer` the same more closely, which is asked for where many are in
    question. `upper` is that of one candidate, more closely in another way, and `valued` the answer itself: where they
    pass what they are given.

    All in cents, and `less` more than what is asked for.
    """

    kind: str
    worst: int
    most: Cents
    closer: Callable[[], Cents]
    upper: Callable[[int, int], int]
    valued: Callable[[int, int], int]
    less: int = 0

    def over(self, places: Index) -> tuple[Cents, bool]:
        """By place, by how much the answer passes the worst so far: of the place where it is known to do so by most, if
        there is any (True); else of those where it may, for no set was valued there."""
        over, most = np.zeros(len(places), dtype=np.int64), self._most(places)
        best, known, worst = self.worst, 0, -1
        for number in np.argsort(-most, kind="stable").tolist():
            if most[number] <= best:
                break
            upper = min(self.upper(int(places[number]), best), int(most[number]))
            if upper > best and known < MOST_VALUED:
                known += 1
                answer = self.valued(int(places[number]), best)
                best, worst = (answer, number) if answer > best else (best, worst)
            elif upper > best:
                over[number] = upper - self.worst
        if best > self.worst:  # known: what is not is looked at again once it is kept
            over[:] = 0
            over[worst] = best - self.worst
        return over, best > self.worst

    def _most(self, places: Index) -> Cents:
        most = self.most[places]
        return np.minimum(most, self.closer()[places]) if (most > self.worst).sum() > FEW else most


@dataclass(frozen=True, eq=False)
class Everywhere:
    """Every candidate: members' `sums` in each by way of counting margin, and what counts of pools' margin."""

    model: WindowModel
    rows: CubeRows
    sums: Mapping[str, WindowSums]
    counted: CountedIn
    _found: dict[tuple[int, bytes, bool], dict[str, PaperMore]] = field(default_factory=dict)
    _sold: dict[int, SoldEverywhere] = field(default_factory=dict)
    _blocks: OrderedDict[tuple[str, bytes, int], JointLosses] = field(default_factory=OrderedDict)

    @cached_property
    def jumps(self) -> tuple[Vector, Vector]:
        """`largest_jumps` of all candidates."""
        cubes = chain((self.model.pricer.price(some) for _, some in self.model.slices(SLICE)), self._of_names())
        found = [largest_jumps(self.rows, cube.close_out_loss) for cube in cubes]
        falls, rises = (np.max(one, axis=0) for one in zip(*found, strict=True))
        return falls, rises

    def _of_names(self) -> Iterator[Cube]:
        if self.model.names is not None:
            yield self.model.names.cube

    def view(
        self, kept: Losses, every: StressLosses, way: str, plans: Mapping[str, Plan] | None = None, aside: str = ""
    ) -> LossView:
        """A view of some losses, margin counted in some way, with bounds of every candidate."""
        if not isinstance(kept, JointLosses):
            closer = partial(most_of_sets, every.group_over_margin, None)
            return LossView(kept, every, None, lambda place: (every, place), closer, plans or {}, aside)

        valued = partial(self._valued, kept, every, way)
        bounds = CandidateBounds(kept.sale, self._paper(kept, way, self.sums, None))
        closer = partial(bounds.most_of_sets, every.group_over_margin)  # where selling costs nothing there is no closer
        if kept.selling is not None:
            closer = partial(self._closer, kept, way)
        return LossView(kept, every, bounds, valued, closer, plans or {}, aside)

    def _valued(self, kept: JointLosses, every: StressLosses, way: str, place: int) -> tuple[SetLosses, int]:
        """What sets lose in the block of candidates that a candidate is in, and its place there."""
        windows = self.model.candidates.count
        begin = 0 if place < windows else windows
        first = place - (place - begin) % BLOCK
        spare = b"" if kept.supplementary is None else kept.supplementary.tobytes()
        key = (way, spare, first)
        if key not in self._blocks:
            last = min(first + BLOCK, windows if place < windows else self.model.count)
            self._blocks[key] = self._block(kept, every, way, slice(first, last))
            while len(self._blocks) > BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(key)
        return self._blocks[key], place - first

    def _block(self, kept: JointLosses, every: StressLosses, way: str, places: slice) -> JointLosses:
        some, sale = self.model.some(places), kept.sale
        unit_loss = self.model.pricer.price(some).close_out_loss
        results = PoolResults(sale, self.rows, unit_loss, kept.results.paper, Recent(MOST_KEPT // BLOCKS))
        over = every.over_margin[:, places]
        single = StressLosses(over, over, every.group_over_margin[:, places])

        @cache
        def of_group(group: int) -> Cents:
            counted = self.counted(some, sale.pools_of(group))
            return counted.get(way, next(iter(counted.values())))

        def counted(group: int, scenarios: slice) -> Cents:
            found = of_group(group)
            return found[:, scenarios] if found.shape[1] > 1 else found

        return JointLosses(
            single, results, counted, kept.covers_clients, kept.supplementary, Recent(MOST_KEPT // BLOCKS)
        )

    def _closer(self, kept: JointLosses, way: str, count: int, counts: Counts) -> Cents:
        """By candidate, what no set of at most `count` groups counts for more than: each group with the most that
        selling may cost it, before margin pays."""
        if count not in self._sold:
            self._sold[count] = sold_everywhere(self.model, self.rows, self.counted, kept.sale, count)
        sold = self._sold[count]
        losses = sold.losses(way, kept.covers_clients, kept.supplementary, kept.sale.portfolio.roster)
        return most_of_sets(losses, self._paper(kept, way, sold.sums, sold.costs), count, counts)

    def _paper(
        self, kept: JointLosses, way: str, sums: Mapping[str, WindowSums], costs: Cents | None
    ) -> PaperOf | None:
        """What groups lose more for one another's paper, beside what they lose in `sums`, which have such costs."""
        paper = kept.results.paper
        if paper is None:
            return None
        everywhere = PaperEverywhere(
            self.model, self.rows, sums, self.counted, kept.covers_clients, kept.sale, paper, costs
        )
        spare = kept.supplementary

        def of_sets(others: int) -> PaperMore:
            key = (others, b"" if spare is None else spare.tobytes(), costs is None)
            if key not in self._found:
                known = everywhere.known
                self._found[key] = everywhere.more(others, spare) if known else self._anywhere(everywhere, paper)
            found = self._found[key]
            return found.get(way, next(iter(found.values())))

        return of_sets

    def _anywhere(self, everywhere: PaperEverywhere, paper: CrossPaper) -> dict[str, PaperMore]:
        """The most in any candidate, for all."""
        most = paper.where(*self.jumps)
        return {way: PaperMore.constant(most, self.model.count) for way in everywhere.sums}


def with_joint_worst(
    screened: Screened, run: Callable[[KeptScenarios], Measured], views: Callable[[Measured], list[LossView]]
) -> tuple[Measured, Screened]:
    """A book measured (`run`) in the windows that are kept, and in those that may be worse for sets that are sold
    together, as `views` of what was measured show.

    Where too many may be worse the rest are left out, and what they may come to is kept: `Screened.left`.
    """
    measured, most = run(screened.kept), len(screened.why) + MOST_FURTHER
    while worse := _may_be_worse(screened, measured, views(measured)):
        if len(screened.why) >= most or not any(known for *_, known in worse):
            # the fund takes what is left, and the coverage test goes by that fund
            raised = replace(measured, screened=replace(screened, left=_bounds(worse)))
            return measured, replace(screened, left=_bounds(_may_be_worse(screened, raised, views(raised))))
        screened = _keeping(screened, _left_out(screened, measured), worse)
        measured = run(screened.kept)
    return measured, screened


def _left_out(screened: Screened, measured: Measured) -> Index:
    """Candidates that size the fund and are no scenario; of windows where the rulebook asks for all."""
    there, historical = set(measured.scenarios.ids), measured.rules.stress.historical
    windows = screened.candidates.labels if historical is not None and historical.all else []
    names = [] if screened.names is None else screened.names.labels
    places = [*enumerate(windows), *enumerate(names, screened.candidates.count)]
    return np.array([n for n, one in places if one.sizes_fund and one.scenario_id not in there], np.int64)


def _may_be_worse(screened: Screened, measured: Measured, views: list[LossView]) -> list[Worse]:
    """What may be worse in some of the candidates left out."""
    places, found = _left_out(screened, measured), []
    counted, count = counted_scenarios(measured), measured.rules.fund.cover
    for question in (one for view in views for one in _questions(view, count, counted)) if len(places) else ():
        over, known = question.over(places)
        if over.any():
            found.append((question.kind, question.worst - question.less, over, known))
    return found


def _bounds(worse: list[Worse]) -> dict[str, LeftOpen]:
    """What each may come to, in whatever view that is more, and in how many candidates it may be worse."""
    found = dict[str, LeftOpen]()
    for kind, worst, over, _ in worse:
        left = LeftOpen(worst + int(over.max()), int((over > 0).sum()))
        found[kind] = max(left, found.get(kind, left))
    return found


def _keeping(screened: Screened, places: Index, worse: list[Worse]) -> Screened:
    """With the candidate that is, or may be, worst of each question; of equals the first."""
    why = {key: list(reasons) for key, reasons in screened.why.items()}
    for kind, _, over, _ in worse:
        place = int(places[int(np.argmax(over))])
        reasons = why.setdefault(place, [])
        if (kind, "sold together") not in reasons:
            reasons.append((kind, "sold together"))
    return replace(screened, why=why)


def _questions(view: LossView, count: int, counted: Flags) -> Iterator[Question]:
    bounds, groups = view.bounds, len(view.every.group_over_margin)
    if bounds is None or not counted.any():
        return
    for number in cover_numbers(count):
        if number > 1:
            yield _of_sets(cover_name(number) + view.aside, view, bounds, number, as_it_is(groups), counted)
    for name, plan in view.plans.items():
        yield _of_sets(name, view, bounds, count, burden(plan), counted, prefunded(plan))
    single = view.every.group_over_margin
    largest, next_two = first_and_next_two(view.every)
    most = np.maximum(largest, np.minimum(next_two + bounds.more_of_two(), bounds.most_of_sets(single, 2)))
    worst = emir_42_3(view.kept, counted).amount

    def upper(place: int, _: int) -> int:
        return _of_emir(single[:, place], bounds.at(place, 2))

    def valued(place: int, _: int) -> int:
        losses, at = view.valued(place)
        return emir_42_3_in(losses, at).found

    def closer() -> Cents:
        return np.maximum(largest, view.closer(2, as_it_is(groups)))

    yield Question(EMIR + view.aside, worst, most, closer, upper, valued)


def _of_sets(
    kind: str, view: LossView, bounds: CandidateBounds, count: int, counts: Counts, counted: Flags, less: int = 0
) -> Question:
    single = counts.of(view.every.group_over_margin)
    worst = worst_over(view.kept, count, counts, counted)[1].bound

    def upper(place: int, floor: int) -> int:
        return passes(single[:, place], bounds.at(place, count), count, floor)

    def valued(place: int, floor: int) -> int:
        losses, at = view.valued(place)
        return worst_beyond(losses, bounds.at(place, count), at, count, counts, floor)

    most = bounds.most_of_sets(view.every.group_over_margin, count, counts)
    return Question(kind, worst, most, lambda: view.closer(count, counts), upper, valued, less)


def _of_emir(single: Cents, bounds: SetBounds) -> int:
    """The loss of the largest group, or the most that the second and third can lose together where that is more."""
    groups = tuple(sorted(np.argsort(-single, kind="stable")[1:3].tolist()))
    return max(int(single.max()), int(single[list(groups)].sum()) + (bounds.more(groups) if groups else 0))
