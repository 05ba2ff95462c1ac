"""European options on a forward: Black's formula (1976), undiscounted.

An option is worth its intrinsic value and, on top, what the call or the put that is out of the money at the same strike
is worth. With the lower and the higher of forward and strike, h = deviation / 2 and a = log(higher / lower) / deviation
that is lower * N(h - a) - higher * N(-h - a), for a call as for a put. The two probabilities share a factor, since
lower * exp(-(h - a)^2 / 2) = higher * exp(-(h + a)^2 / 2): one logarithm and one exponential make a price, and a call
and a put differ by forward less strike to the rounding.

No step branches, so that loops over scenarios become vectors (see `ccp.kernels.exposure.elementary`).
"""

import math

from ccp.kernels.engine.numba_door import fused_kernel, parallel_kernel, prange
from ccp.kernels.exposure.elementary import exponential, logarithm, scaled_tail

FAR = 37.0
"""Standard deviations beyond which the probability (below 1e-297) counts as none."""


@fused_kernel
def distances(ratio, deviation):
    """h - a and h + a, given forward over strike; far out where nothing comes on top of the intrinsic value."""
    nothing = (deviation <= 0.0) | (ratio <= 0.0)
    spread = 1.0 if nothing else deviation
    away = abs(logarithm(1.0 if nothing else ratio)) / spread
    away = 2.0 * FAR if nothing else away
    near, far = 0.5 * spread - away, 0.5 * spread + away
    near = -FAR if near < -FAR else near
    return FAR if near > FAR else near, 4.0 * FAR if far > 4.0 * FAR else far


@fused_kernel
def tails(near, far):
    """The probabilities without the factor they share: of h - a (less one if that is positive), less of -h - a."""
    tail = scaled_tail(abs(near))
    return (-tail if near > 0.0 else tail) - scaled_tail(far)


@fused_kernel
def value_of(forward, strike, sign, near, tail):
    """The value, `sign` being 1 for a call and -1 for a put. What is not a number stays so."""
    weight = exponential(-0.5 * near * near)
    weight = 0.0 if abs(near) >= FAR else weight
    share = weight * tail + (1.0 if near > 0.0 else 0.0)
    share = 0.0 if share < 0.0 else share
    lower = strike if forward >= strike else forward
    gain = sign * (forward - strike)
    return lower * share + (0.0 if gain < 0.0 else gain)


@fused_kernel
def sign_of(call):
    """1 for a call, -1 for a put. Computed: of a choice the compiler makes a branch, and then no vectors."""
    return 2.0 * call - 1.0


@fused_kernel
def black_forward_value(forward, strike, deviation, call):
    """Undiscounted value of a call (or put) given `deviation` = volatility * sqrt(years).

    Source: F. Black, The pricing of commodity contracts, Journal of Financial Economics 3 (1976).
    Strikes are positive, forward and deviation finite, the deviation no less than zero. Without deviation, or with a
    forward that is not positive, the value is the intrinsic value.
    """
    forward, strike = float(forward), float(strike)
    near, far = distances(forward * (1.0 / strike), float(deviation))
    return value_of(forward, strike, sign_of(call), near, tails(near, far))


@fused_kernel
def fill_values(forward, volatility, root, strike, call, near, value):
    """Fill `value` with undiscounted values of one option in some scenarios, `root` being that of the years.

    In three loops, each with few enough constants to stay in registers: a third faster than one. `near` is room.
    """
    strike, root = float(strike), float(root)
    inverse, sign = 1.0 / strike, sign_of(bool(call))
    for s in range(value.size):
        near[s], value[s] = distances(float(forward[s]) * inverse, float(volatility[s]) * root)
    for s in range(value.size):
        value[s] = tails(float(near[s]), float(value[s]))
    for s in range(value.size):
        value[s] = value_of(float(forward[s]), strike, sign, float(near[s]), float(value[s]))


@parallel_kernel
def option_values(forward, volatility, years, strike, call, value):
    """Fill `value` (option x scenario) with undiscounted values.

    `forward` and `volatility` are option x scenario; `years` to expiry, `strike` and `call` are per option. In the
    domain of `black_forward_value`.
    """
    for i in prange(value.shape[0]):
        root = math.sqrt(max(years[i], 0.0))
        for s in range(value.shape[1]):
            value[i, s] = black_forward_value(forward[i, s], strike[i], volatility[i, s] * root, call[i])
