"""The tail of a loss distribution without sorting it: few losses pass the running threshold."""

from ccp.kernels.engine import kernel

STRIDE = 16
"""Losses compared with the threshold at once."""


@kernel
def insert(value, top):
    """Put a value in its place among the largest; the smallest of them falls out."""
    place = top.shape[0] - 1
    while place > 0 and top[place - 1] < value:
        top[place] = top[place - 1]
        place -= 1
    top[place] = value


@kernel
def keep_largest(loss, top):
    """Keep in `top`, largest first, the largest of what it holds and of `loss`. `loss` must hold no NaN.

    Losses can be handed over in parts and in any order: `top` ends the same.
    """
    count, last = loss.shape[0], top.shape[0] - 1
    for begin in range(0, count - STRIDE + 1, STRIDE):
        passing = False
        for s in range(STRIDE):
            passing |= loss[begin + s] > top[last]
        if passing:
            for s in range(begin, begin + STRIDE):
                if loss[s] > top[last]:
                    insert(loss[s], top)
    for s in range(count - count % STRIDE, count):
        if loss[s] > top[last]:
            insert(loss[s], top)


@kernel
def weighted_sum(top, weight):
    """The largest losses times their weights, added from the largest on; a weight of zero is passed over.

    Weights for value at risk and expected shortfall come from `ccp.margin.measure`.
    """
    total = 0.0
    for place in range(weight.shape[0]):
        if weight[place] != 0.0:
            total += weight[place] * top[place]
    return total
