"""The daily cycle: what is exchanged, called and paid each day, who fails, and what becomes of it.

`opening` makes of a request the `terms` of a run, `clearing` resolves them once. `prices`, `trades` and `variation` say
what a day brings, `today` what is required and held; `payments` who owes what, `failures` who cannot pay, `close_out`
and `default` what becomes of their books; `exchange` pays; `resizing` and `fund` follow with stress and the fund.
`ledger` writes every movement down and `reconcile` checks it; `state` is what one day hands to the next; `cycle` is the
day. The whole is said in docs/reference/daily-cycle.md. Sees sizing and everything below it.
"""
