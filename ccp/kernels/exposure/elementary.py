"""Logarithm, exponential and the normal distribution's tail without branches, so that loops over them become vectors.

The library's own functions take one number at a time; these are a few dozen products and sums, done for as many numbers
at once as fit the processor's vectors. The polynomials and the ratio of two are fits of least relative error (Remez'
exchange, in 70 digits); what they miss is far below the rounding of a float. Coefficients begin with the highest power.
"""

import math

import numpy as np

from ccp.kernels.engine.numba_door import fused_kernel

LOGARITHM = (
    0.14772431034491654, 0.15316554406364455, 0.1818345899471356, 0.2222220078549655, 0.2857142871837142,
    0.39999999999538854, 0.6666666666666712,
)  # fmt: skip
"""(log((1 + s) / (1 - s)) - 2 s) / s^3 in powers of s^2, to 1.5e-18 of the logarithm."""
EXPONENTIAL = (
    2.4997631150506516e-08, 2.762949083479539e-07, 2.7557591410919317e-06, 2.4801495482307315e-05,
    0.00019841269505136984, 0.0013888888941008023, 0.008333333333492293, 0.041666666666541806, 0.16666666666666421,
    0.5000000000000009,
)  # fmt: skip
"""(exp(r) - 1 - r) / r^2 where |r| is up to half the logarithm of 2, to 4.1e-18 of the exponential."""
TAIL_TOP = (
    2.9787481290271074e-07, 8.881313403830631e-06, 0.0001308950874222374, 0.0012373303259763692, 0.008238794935253054,
    0.040189857768858105, 0.14518853943279683, 0.38385093836198614, 0.7135770472910599, 0.849422316982108, 0.5,
)  # fmt: skip
TAIL_BOTTOM = (
    7.466614283223524e-07, 2.2262151293901836e-05, 0.0003288519885710658, 0.003123789331459251, 0.0209782083368696,
    0.10379803676193726, 0.38393654877601857, 1.0569322572180206, 2.1145279087969158, 2.919255771592505,
    2.4967291947670827, 1.0,
)  # fmt: skip
"""`TAIL_TOP` over `TAIL_BOTTOM` is `scaled_tail` for 0 <= x <= 150, to 5.3e-18 of it."""

LOG_2_HIGH, LOG_2_LOW = 0.6931471803691238, 1.9082149292705877e-10
"""The logarithm of 2 in two parts. The first ends in 21 zero bits: its product with a whole exponent is exact."""
LOG_2_E = 1.0 / math.log(2.0)
ROOT_HALF_BITS = int(np.float64(math.sqrt(0.5)).view(np.int64))
SHIFT = 1.5 * 2.0**52
"""A number added to it is rounded to a whole one, which then stands in the last bits of the sum."""
SHIFT_BITS = int(np.float64(SHIFT).view(np.int64))


@fused_kernel
def polynomial(coefficients, x):
    """By Horner's rule."""
    value = coefficients[0]
    for place in range(1, len(coefficients)):
        value = value * x + coefficients[place]
    return value


@fused_kernel
def logarithm(x):
    """Of a finite number from 2.3e-308: x = 2^k (1 + f), 1 + f between the roots of 1/2 and of 2, s = f / (2 + f)."""
    bits = np.float64(x).view(np.int64) - ROOT_HALF_BITS
    exponent = bits >> 52
    f = float(np.int64(bits - (exponent << 52) + ROOT_HALF_BITS).view(np.float64)) - 1.0
    k, s = float(exponent), f / (2.0 + f)
    square, half = s * s, 0.5 * f * f
    rest = s * (half + polynomial(LOGARITHM, square) * square) + k * LOG_2_LOW
    return k * LOG_2_HIGH - ((half - rest) - f)


@fused_kernel
def exponential(x):
    """Of a number between -700 and 700: x = k log(2) + r."""
    shifted = x * LOG_2_E + SHIFT
    k = shifted - SHIFT
    r = (x - k * LOG_2_HIGH) - k * LOG_2_LOW
    power = np.int64((np.float64(shifted).view(np.int64) - SHIFT_BITS + 1023) << 52).view(np.float64)
    return (r * r * polynomial(EXPONENTIAL, r) + r + 1.0) * float(power)


@fused_kernel
def scaled_tail(x):
    """The normal distribution's probability beyond x, times exp(x^2 / 2); 0 <= x <= 150."""
    return polynomial(TAIL_TOP, x) / polynomial(TAIL_BOTTOM, x)
