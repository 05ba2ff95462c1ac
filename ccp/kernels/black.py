"""European options on a forward: Black's formula (1976), undiscounted."""

import math

from ccp.kernels.engine import kernel, parallel_kernel, prange

ROOT_HALF = math.sqrt(0.5)


@kernel
def normal_probability(x):
    """The standard normal distribution function, by the complementary error function."""
    return 0.5 * math.erfc(-x * ROOT_HALF)


@kernel
def black_forward_value(forward, strike, deviation, call):
    """Undiscounted value of a call (or put) given `deviation` = volatility * sqrt(years).

    Source: F. Black, The pricing of commodity contracts, Journal of Financial Economics 3 (1976).
    Without deviation, or with a forward that is not positive, the value is the intrinsic value.
    """
    if deviation <= 0.0 or forward <= 0.0:
        intrinsic = forward - strike if call else strike - forward
        return max(intrinsic, 0.0)
    d1 = math.log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    if call:
        return forward * normal_probability(d1) - strike * normal_probability(d2)
    return strike * normal_probability(-d2) - forward * normal_probability(-d1)


@parallel_kernel
def option_values(forward, volatility, years, strike, call, value):
    """Fill `value` (option x scenario) with undiscounted values.

    `forward` and `volatility` are option x scenario; `years` to expiry, `strike` and `call` are per option.
    """
    for i in prange(value.shape[0]):
        root = math.sqrt(max(years[i], 0.0))
        for s in range(value.shape[1]):
            value[i, s] = black_forward_value(forward[i, s], strike[i], volatility[i, s] * root, call[i])
