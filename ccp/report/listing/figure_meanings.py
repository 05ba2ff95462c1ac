"""What the figures of documents mean, by their paths. A `*` stands for anything; the first pattern that fits counts."""

from ccp.report.elements import Kind

COMMON: dict[str, tuple[Kind, str]] = {
    "rulebook": ("text", "the rulebook's name"),
    "date": ("date", "the day of the run"),
    "currency": ("text", "the currency of all amounts (ISO 4217)"),
}
PARTS = {
    "": "for defaulting together than one by one; negative where opposite books net",
    "for_sale.": "for selling the books together, beyond each sold alone",
    "for_paper.": "for what they hold of one another's paper, which is at its default",
}
"""What a set of groups loses more together, in all and part by part, by where `sold_together` has it."""
LEFT_OPEN: dict[str, tuple[Kind, str]] = {
    "open_scenarios": ("count", "scenarios that leave it open, for their search ended early (`stress.most_sets`)"),
    "open_windows": ("count", "windows and single names that leave it open, for they were not measured for sets"),
}
"""What is said of every figure over scenarios."""
COVERAGE: dict[str, tuple[Kind, str]] = {
    **COMMON,
    "cover": ("count", "how many of the largest groups the fund must cover"),
    "cover_*.amount": (
        "money",
        "the stress loss over initial margin of this number of largest groups, in scenarios that size the fund",
    ),
    "cover_*.found": ("money", "what the groups below lose: less than the amount where that is not proved"),
    "cover_*.proved": ("flag", "whether no other set of groups loses more; else the amount is what no set passes"),
    **{
        f"{figure}.made_by.*": ("text", "one of the groups without which the set would lose less")
        for figure in ("cover_*", "all_scenarios.cover_*", "emir_42_3")
    },
    **{
        f"{figure}.{name}": meaning
        for figure in ("cover_*", "all_scenarios.cover_*", "emir_42_3", "coverage_test.*")
        for name, meaning in LEFT_OPEN.items()
    },
    "cover_*.scenario_id": ("text", "the worst of those scenarios for this number of groups"),
    "cover_*.groups.*": ("text", "one of the groups of the worst set that was found, largest first"),
    "cover_*.losses.*": ("money", "that group's stress loss over initial margin"),
    "all_scenarios.cover_*.amount": (
        "money",
        "the stress loss over initial margin of this number of largest groups, in any scenario",
    ),
    "all_scenarios.cover_*.found": ("money", "what the groups below lose"),
    "all_scenarios.cover_*.proved": ("flag", "whether no other set of groups loses more"),
    "all_scenarios.cover_*.scenario_id": ("text", "the worst scenario of all for this number of groups"),
    "all_scenarios.cover_*.groups.*": ("text", "one of the largest groups in that scenario, largest first"),
    "all_scenarios.cover_*.losses.*": ("money", "that group's stress loss over initial margin"),
    "cover_n_by_margin_counted.*": ("money", "cover-N if margin required, held, or the smaller of both is counted"),
    "emir_42_3.amount": ("money", "the largest group or the second and third together, whichever is more (EMIR 42(3))"),
    "sold_together": (
        "money",
        "what the groups of cover-N lose more for defaulting together; empty where nothing is sold at a cost and "
        "nobody holds another's paper",
    ),
    "sold_together.cost": ("money", "what it costs to sell the books of cover-N's groups together"),
    "sold_together.cost_alone": ("money", "what that would cost if each group was sold alone"),
    **{f"sold_together.{part}share_of_fund": ("share", "that as a share of the fund required") for part in PARTS},
    **{f"sold_together.{part}share_of_cover": ("share", "that as a share of cover-N") for part in PARTS},
    **{
        f"sold_together.{part}more_over_margin": ("money", f"how much more of cover-N there is {what}")
        for part, what in PARTS.items()
    },
    "emir_42_3.found": ("money", "what those groups lose"),
    "emir_42_3.proved": (
        "flag",
        "whether that is proved: it is, unless there are windows of the history in which it may be more",
    ),
    "emir_42_3.scenario_id": ("text", "the worst scenario for that"),
    "emir_42_3.groups.*": ("text", "one of those groups"),
    "emir_42_3.losses.*": ("money", "that group's stress loss over initial margin"),
    "fund.required": ("money", "the default fund that the rulebook requires"),
    "fund.bound_by": ("text", "the rule that sets the size of the fund"),
    "fund.buffer": ("share", "what the rulebook adds to cover-N, as a share of it"),
    "fund.floor": ("money", "the least that the fund may be"),
    "fund.posted": ("money", "what members have paid in; empty where the book does not say"),
    "fund.in_force": ("text", "which fund the coverage test counts: required or posted"),
    "ccp_capital": ("money", "skin in the game: the clearing house's own money in the waterfall"),
    "insurance": ("money", "what insurance pays at most"),
    "prefunded": ("money", "prefunded resources: contributions, skin in the game and insurance"),
    "coverage_ratio": ("share", "prefunded resources as a share of cover-N"),
    "coverage_test.*.passed": ("flag", "whether nothing is left uncovered, whichever groups of that number default"),
    "coverage_test.*.uncovered": ("money", "what the worst set of groups leaves uncovered"),
    "coverage_test.*.headroom": ("money", "what is left over after the worst set of groups"),
    "coverage_test.*.found_uncovered": ("money", "what the groups below leave uncovered"),
    "coverage_test.*.found_headroom": ("money", "what is left over after those groups"),
    "coverage_test.*.proved": ("flag", "whether no set leaves more uncovered; else the amounts are what no set passes"),
    "coverage_test.*.scenario_id": ("text", "the scenario in which that set is worst"),
    "coverage_test.*.defaulters.*": ("text", "one of the groups of that set"),
    "coverage_test.*.losses.*": ("money", "that group's stress loss over initial margin"),
    "coverage_test.*.survivors_fund": ("money", "the fund without that set's contributions"),
    "coverage_test.*.defaulters_share_of_fund": ("share", "that set's contributions as a share of the fund"),
    "margin": ("money", "initial margin required of all pools"),
    "margin_held": ("money", "what pools hold; empty where the book does not say"),
    "margin_held.held": ("money", "what pools hold after haircut"),
    "margin_held.not_counted.own_paper": ("money", "value after haircut that is paper of the member's own group"),
    "margin_held.not_counted.*": ("money", "value after haircut beyond this limit of the rulebook (`collateral`)"),
    "margin_held.missing": ("money", "how much is missing in pools that hold less than is required, summed over pools"),
    "margin_held.pools_short": ("count", "pools that hold less than is required"),
    "liquidation.participation": ("share", "the share of a day's volume that may be sold"),
    "liquidation.groups.*.group_id": ("text", "a group of cover-N"),
    "liquidation.groups.*.days": ("number", "days that it takes to sell its book"),
    "liquidation.groups.*.instrument_id": ("text", "the instrument that takes longest"),
    "liquidation.groups.*.quantity": ("number", "how many units of it are to be sold"),
    "liquidation.groups.*.average_daily_volume": ("number", "units of it that are traded on an average day"),
    "liquidation.groups.*.instruments": ("count", "instruments that the group holds"),
    "liquidation.groups.*.instruments_without_volume": ("count", "those of which no volume is known"),
    "scenarios.run": ("count", "stress scenarios run"),
    "scenarios.sizing": ("count", "those that size the fund"),
    "coverage_of_scenarios.inside_margin": (
        "count",
        "scenarios in which no group has a stress loss over initial margin",
    ),
    "coverage_of_scenarios.inside_prefunded": (
        "count",
        "scenarios that draw on prefunded resources and do not exceed them",
    ),
    "coverage_of_scenarios.beyond_prefunded": ("count", "scenarios that leave a loss uncovered"),
    "coverage_of_scenarios.not_proved": ("count", "scenarios among these that count by what no set passes"),
}
"""Figures of coverage.json."""
SUMMARY: dict[str, tuple[Kind, str]] = {
    **COMMON,
    "cover": ("count", "how many of the largest groups the fund must cover"),
    "from": ("date", "the first day"),
    "to": ("date", "the last day"),
    "days": ("count", "days in the run"),
    "margin.first": ("money", "margin required of all pools on the first day"),
    "margin.last": ("money", "margin required of all pools on the last day"),
    "margin.largest": ("money", "the most margin required of all pools on a day"),
    "variation.largest": ("money", "the most variation margin due on a day, from all who owed"),
    "largest_call.largest": ("money", "the largest call from one pool"),
    "called.largest": ("money", "the most margin called on a day"),
    "exceptions.pools": (
        "count",
        "margin exceptions: how often a pool lost more over the liquidation period than the margin before it",
    ),
    "exceptions.observations": ("count", "pools with a position and days whose liquidation period is over"),
    "exceptions.days": ("count", "days on which a liquidation period with a margin exception ended"),
    "exceptions.days_without": ("count", "the last days, whose liquidation period is not over: they have no figure"),
    "exceptions.largest": ("money", "the largest margin exception: loss less margin"),
    "breaches.days": ("count", "days with a one-day exception: a pool lost more in the day than it held"),
    "breaches.pools": ("count", "one-day exceptions: how often a pool lost more in a day than it held"),
    "cover_n.largest": ("money", "the largest cover-N of any day"),
    "cover_n.scenario_id": ("text", "the scenario of that day"),
    "cover_n.groups": ("text", "its groups, joined by +"),
    "fund.largest": ("money", "the largest fund, contributions there at the end of a day"),
    "fund.last": ("money", "contributions there at the end of the last day"),
    "uncovered.stress_days": ("count", "days on which losses were stressed"),
    "uncovered.days": ("count", "days on which the worst set of groups would have left a loss uncovered"),
    "uncovered.largest": ("money", "the most that it would have left uncovered"),
    "beyond_prefunded.days": ("count", "days on which cover-N exceeded prefunded resources"),
    "beyond_prefunded.largest": ("money", "the largest such excess"),
    "defaults.events": ("count", "default events closed out"),
    "defaults.loss": ("money", "the sum of their losses"),
    "defaults.uncovered": ("money", "what no tier paid of them"),
    "*.date": ("date", "the day of that"),
}
"""Figures of summary.json."""
EVENT: dict[str, tuple[Kind, str]] = {
    **COMMON,
    "fund_in_force": ("text", "which fund pays: required or posted"),
    "scenario_id": ("text", "the stress scenario"),
    "scenario": ("text", "the stress scenario in words"),
    "provenance": ("text", "where the scenario comes from"),
    "rounds.*.round": ("count", "1 for the default itself, then a round for every default that follows from it"),
    "rounds.*.lost_on_own_books.*": ("money", "what the member's house pools lost in the scenario"),
    "rounds.*.lost_on_moved_prices.*": ("money", "what the member lost as the defaulters' books were sold"),
    "rounds.*.capital_left.*": ("money", "the member's capital after the round"),
    "rounds.*.fails_next.*": ("text", "a group that cannot bear its bill and defaults in the next round"),
    "*by_stakeholder.*": ("money", "what each stakeholder pays of the loss; under nobody, what is uncovered"),
    "sold_together.cost": ("money", "what it costs to sell the defaulters' books together; it is in their losses"),
    "sold_together.cost_alone": ("money", "what that would cost if each group was sold alone"),
    **{f"sold_together.{part}share_of_fund": ("share", "that as a share of the fund required") for part in PARTS},
    **{
        f"sold_together.{part}share_of_over_margin": ("share", "that as a share of the defaulters' losses over margin")
        for part in PARTS
    },
    **{
        f"sold_together.{part}more_over_margin": ("money", f"how much more the defaulters lose over margin {what}")
        for part, what in PARTS.items()
    },
    "paper_at_default.*.issuer": ("text", "a defaulter whose paper is valued at its default"),
    "paper_at_default.*.recovery": ("share", "the share of its price today that it keeps"),
    "paper_at_default.*.holder": ("text", "a defaulter that holds some of it"),
    "paper_at_default.*.instruments.*": ("text", "an instrument of it that the holder holds"),
    "paper_at_default.*.more_loss": (
        "money",
        "what the holder loses more for that, before margin, than the scenario alone costs; negative: less",
    ),
    "*pools.*.cost": ("money", "what the pool bears of the cost of selling the defaulters' books; it is in the loss"),
    "*pools.*.loss": ("money", "what closing the pool costs; negative is a gain"),
    "*pools.*.margin": ("money", "the margin that counts against it"),
    "*pools.*.short": ("money", "the shortfall: loss that margin does not cover"),
    "*pools.*.surplus": ("money", "margin that the loss does not use"),
    "*pools.*": ("text", "a pool of a defaulter"),
    "members.*.member_id": ("text", "a defaulter"),
    "members.*.loss": ("money", "the sum of the losses of its pools"),
    "members.*.short": ("money", "the sum of its pools' shortfalls"),
    "members.*.house_surplus_used": ("money", "surplus of its house pools that covers its other pools"),
    "members.*.over_margin": ("money", "its loss over initial margin"),
    "*tiers.*.payers.*.member_id": ("text", "who pays"),
    "*tiers.*.payers.*.paid": ("money", "what it pays"),
    "*tiers.*.payers.*.weight": ("money", "what its share is measured by"),
    "*tiers.*.payers.*.share": ("share", "its share of the tier"),
    "*tiers.*.payers.*.rounded_up": ("money", "the minor unit that rounding added to it"),
    "*tiers.*.place": ("count", "the tier's place in the rulebook's order, from 1"),
    "*tiers.*.owed": ("money", "what was left to pay before the tier"),
    "*tiers.*.available": ("money", "what the tier has"),
    "*tiers.*.paid": ("money", "what the tier pays"),
    "*tiers.*.left": ("money", "what is left to pay after the tier"),
    "*tiers.*.tier": ("text", "the tier, by its word in the rulebook"),
    "*tiers.*.name": ("text", "what the service calls it"),
    "*tiers.*.whose": ("text", "whose money it is"),
    "*tiers.*.rule": ("text", "the rule that decides who pays"),
    "*tiers.*.why": ("text", "why it paid what it paid"),
    "*tiers.*.payers": ("text", "who pays: nobody"),
    "*.defaulters.*": ("text", "a group that defaults"),
    "defaulters.*": ("text", "a group that defaults"),
    "*adds_up": ("flag", "whether what is paid and what is uncovered are the loss, to the minor unit"),
    "loss": ("money", "the sum of the losses of the defaulters' pools"),
    "paid": ("money", "what all tiers pay"),
    "uncovered": ("money", "what nobody pays"),
    "rounds.*.loss": ("money", "the loss in the round"),
    "rounds.*.paid": ("money", "what all tiers pay in the round"),
    "rounds.*.uncovered": ("money", "what nobody pays in the round"),
    "all_rounds.loss": ("money", "the losses of all rounds"),
}
"""Figures of trace.json, worst_event.json and coverage_test_event.json; with contagion every round again."""
HOUSES: dict[str, tuple[Kind, str]] = {
    "*.rulebook": ("text", "the rulebook, by its file or its shipped name"),
    "*.title": ("text", "the rulebook's name"),
    "*.currency": ("text", "the currency of its amounts (ISO 4217)"),
    "*.fund": ("money", "the fund that the ladder is measured in"),
    "*.fund_from": ("text", "where that size is from"),
    "*.defaulters.*": ("text", "a group that defaults"),
    "*.members": ("count", "members of the stylised clearing house"),
    "*.sizes_not_found": ("count", "tiers of which no size was found; they count as nothing"),
    "*.assumed_figures": ("count", "figures of the rulebook that are assumed"),
    "*.figures": ("count", "figures of the rulebook in all"),
}
"""Figures of houses.json."""
