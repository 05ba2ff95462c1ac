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


@kernel
def insert_weighted(value, weight, top, top_weight):
    """As `insert`, for a value that carries a weight with it."""
    for place in range(top.shape[0]):
        held, held_weight = top[place], top_weight[place]
        higher = held > value
        top[place] = held if higher else value
        top_weight[place] = held_weight if higher else weight
        value, weight = (value, weight) if higher else (held, held_weight)


@kernel
def keep_largest_weighted(loss, weight, top, top_weight):
    """Keep in `top`, largest first, the largest of what it holds and of `loss`, each with its weight."""
    last = top.shape[0] - 1
    for s in range(loss.shape[0]):
        if loss[s] > top[last]:
            insert_weighted(loss[s], weight[s], top, top_weight)


@kernel
def weighted_value_at_risk(top, top_weight, stop):
    """The first of the largest losses at which the weight so far, its own included, is at least `stop`."""
    so_far = 0
    for place in range(top.shape[0]):
        so_far += top_weight[place]
        if so_far >= stop:
            return top[place]
    return top[top.shape[0] - 1]


@kernel
def weighted_expected_shortfall(top, top_weight, mass):
    """The weighted mean of the largest losses of weight `mass`, the last of them counted in part."""
    total, so_far = 0.0, 0.0
    for place in range(top.shape[0]):
        if so_far >= mass:
            break
        taken = min(float(top_weight[place]), mass - so_far)
        total += taken * top[place]
        so_far += taken
    return total / mass
