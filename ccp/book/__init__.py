"""The member book: reading and checking its tables, and the sparse portfolio that the engine works on.

Sees rulebook, frames and kernels' array tuples; knows nothing of markets or scenarios.
"""
