"""The tail of a loss distribution without sorting it: few losses pass the running threshold."""

import numpy as np

from ccp.kernels.engine import kernel

STRIDE = 16
"""Losses compared with the threshold at once."""


@kernel
def largest_losses(loss, top):
    """Fill `top` with the largest of `loss`, largest first. `loss` must hold no NaN.

    When `loss` is shorter than `top` the rest of `top` is minus infinity.
    """
    count, kept = loss.shape[0], top.shape[0]
    for place in range(kept):
        top[place] = -np.inf
    for begin in range(0, count, STRIDE):
        end = min(begin + STRIDE, count)
        threshold = top[kept - 1]
        passing = 0
        for s in range(begin, end):
            passing += loss[s] > threshold
        if passing == 0:
            continue
        for s in range(begin, end):
            value = loss[s]
            if value > top[kept - 1]:
                place = kept - 1
                while place > 0 and top[place - 1] < value:
                    top[place] = top[place - 1]
                    place -= 1
                top[place] = value


@kernel
def weighted_tail(loss, weight, top):
    """The sum of the largest losses times their weights, largest first; zero without losses.

    `top` is scratch of the length of `weight`. Weights for value at risk and expected shortfall come from
    `ccp.margin.measure`.
    """
    if loss.shape[0] == 0:
        return 0.0
    largest_losses(loss, top)
    total = 0.0
    for place in range(weight.shape[0]):
        if weight[place] != 0.0:
            total += weight[place] * top[place]
    return total
