"""The screen: a local page to turn the knobs of a sized fund, for `ccp serve`. Needs streamlit, an optional extra.

Settings live in the page's address, numbers come from `ccp.api.explore`, nothing is written. Sees everything but the
command line.
"""
