"""How much is enough: cover-N, the coverage test, the size of the fund and the members' contributions.

Sees waterfall (the plan's capital), stress and everything below.
"""
