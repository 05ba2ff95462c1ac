"""The door to numba, and the cache of compiled code."""
