"""Compiled arithmetic: arrays in, arrays out. Sees nothing of the package and is the only user of numba.

Every kernel has a plain twin in `tests/support/reference.py`.
"""
