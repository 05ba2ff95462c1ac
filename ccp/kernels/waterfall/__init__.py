"""Kernels of the waterfall over many paths, and the arrays of a plan. See only the engine."""
