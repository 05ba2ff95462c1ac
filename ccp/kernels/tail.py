"""The tail of a loss distribution without sorting it: few losses pass the running threshold."""

from ccp.kernels.engine import kernel


@kernel
def insert(value, top):
    """Put a value in its place among the largest; the smallest of them falls out.

    Every place is compared, without branches: a processor that cannot guess where to stop loses more than that.
    """
    for place in range(top.shape[0]):
        held = top[place]
        top[place] = held if held > value else value
        value = value if held > value else held


@kernel
def keep_largest(loss, top, passing):
    """Keep in `top`, largest first, the largest of what it holds and of `loss`. `loss` must hold no NaN.

    Losses can be handed over in parts and in any order: `top` ends the same. `passing` is scratch, at least as
    long as `loss`: those above the threshold are collected first, again without branches.
    """
    last = top.shape[0] - 1
    threshold = top[last]
    count = 0
    for s in range(loss.shape[0]):
        passing[count] = loss[s]
        count += loss[s] > threshold
    for s in range(count):
        if passing[s] > top[last]:
            insert(passing[s], top)


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
