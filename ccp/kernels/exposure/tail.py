"""The tail of a loss distribution without sorting it: few losses pass the running threshold."""

from ccp.kernels.engine.numba_door import kernel


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


@kernel
def sift_down(loss, order, place, size):
    """Let a scenario sink to its place in a heap of scenarios, the largest loss on top."""
    moving = order[place]
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and loss[order[child + 1]] > loss[order[child]]:
            child += 1
        if loss[order[child]] <= loss[moving]:
            break
        order[place] = order[child]
        place = child
    order[place] = moving


@kernel
def weighted_tail(loss, weight, order, stop, mass, shortfall):
    """Value at risk, or expected shortfall, of losses that weigh differently.

    Value at risk: the first of the largest losses at which the weight so far, its own included, is at least
    `stop`. Expected shortfall: the weighted mean of the largest losses of weight `mass`, the last counted in part.
    Losses are taken off a heap, largest first: only as many are ordered as the tail needs. `order` is scratch, as long
    as `loss`.
    """
    size = loss.shape[0]
    for place in range(size):
        order[place] = place
    for place in range(size // 2 - 1, -1, -1):
        sift_down(loss, order, place, size)
    total, so_far, last = 0.0, 0, 0.0
    while size > 0 and (float(so_far) < mass if shortfall else so_far < stop):
        last = loss[order[0]]
        held = weight[order[0]]
        total += min(float(held), mass - float(so_far)) * last
        so_far += held
        size -= 1
        order[0] = order[size]
        sift_down(loss, order, 0, size)
    return total / mass if shortfall else last
