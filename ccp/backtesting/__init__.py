"""Margin models against what happened: the same book on every day of the past.

`models` names the models that are set side by side; `history` margins the book by each of them, day by day, and says
what it lost then; `exceptions` and `procyclicality` hold the statistics, `step` the answer to a rise of volatility;
`results` puts all into tables. Sees stress and everything below it.
"""
