"""Kernels of exposure and pricing: instruments in scenarios, portfolio times cube, tails. See the engine only."""
