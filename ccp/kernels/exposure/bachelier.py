"""European options on a forward that moves by differences: the normal model (Bachelier, 1900), undiscounted.

Forward and strike may be any numbers. An option is worth its intrinsic value and, on top, what the call or the put that
is out of the money at the same strike is worth. With the deviation s and the distance d = |forward - strike| / s it is
s * (n(d) - d * N(-d)), n being the normal density and N its distribution, for a call as for a put: the two differ by
forward less strike to the rounding. Density and probability share a factor exp(-d^2 / 2), as in
`ccp.kernels.exposure.black`; beyond `FAR` deviations nothing is left of them.
"""

import math

from ccp.kernels.engine.numba_door import fused_kernel, parallel_kernel, prange
from ccp.kernels.exposure.black import FAR, sign_of
from ccp.kernels.exposure.elementary import exponential, scaled_tail

DENSITY = 1.0 / math.sqrt(2.0 * math.pi)
"""The normal density at zero."""


@fused_kernel
def normal_value_of(forward, strike, deviation, sign):
    """The value, `sign` being 1 for a call and -1 for a put. What is not a number stays so."""
    gain = sign * (forward - strike)
    nothing = deviation <= 0.0
    away = abs(gain) / (1.0 if nothing else deviation)
    nothing = nothing | (away >= FAR)
    distance = FAR if nothing else away
    share = exponential(-0.5 * distance * distance) * (DENSITY - distance * scaled_tail(distance))
    share = 0.0 if nothing | (share < 0.0) else share
    return deviation * share + (0.0 if gain < 0.0 else gain)


@fused_kernel
def normal_forward_value(forward, strike, deviation, call):
    """Undiscounted value of a call (or put) given `deviation` = volatility * sqrt(years), in units of the price.

    Source: L. Bachelier, Theorie de la speculation, Annales scientifiques de l'Ecole Normale Superieure 17 (1900).
    All are finite. Without deviation, or with one below zero, the value is the intrinsic value.
    """
    return normal_value_of(float(forward), float(strike), float(deviation), sign_of(call))


@fused_kernel
def fill_normal_values(forward, volatility, root, strike, call, value):
    """Fill `value` with undiscounted values of one option in some scenarios, `root` being that of the years."""
    strike, root, sign = float(strike), float(root), sign_of(bool(call))
    for s in range(value.size):
        value[s] = normal_value_of(float(forward[s]), strike, float(volatility[s]) * root, sign)


@parallel_kernel
def normal_option_values(forward, volatility, years, strike, call, value):
    """Fill `value` (option x scenario) with undiscounted values.

    `forward` and `volatility` are option x scenario; `years` to expiry, `strike` and `call` are per option.
    """
    for i in prange(value.shape[0]):
        root = math.sqrt(max(years[i], 0.0))
        for s in range(value.shape[1]):
            value[i, s] = normal_forward_value(forward[i, s], strike[i], volatility[i, s] * root, call[i])
