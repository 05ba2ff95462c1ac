"""The daily cycle: what is exchanged, called and paid each day, who fails, and what becomes of it.

`terms` is what a run knows before it starts; `prices`, `trades` and `variation` say what a day brings; `payments` who
pays; `close_out` and `default` what happens to who does not; `fund` how the fund follows; `ledger` writes every
movement down and `reconcile` checks it; `state` is what one day hands to the next; `cycle` is the day. The whole is
said in docs/daily-cycle.md. Sees sizing and everything below it.
"""
