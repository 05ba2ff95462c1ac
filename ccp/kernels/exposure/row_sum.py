"""Rows of a tile added up with the sums in the processor's registers: written for numba's compiler in its own terms.

From a loop in Python it makes one that reads and writes the sums in memory again with every few positions, and is a
seventh slower. The order of additions is the same, and each is one fused multiply-add.
"""

from collections.abc import Callable
from typing import Any

from ccp.kernels.engine.numba_door import COMPILED  # first: numba is told there what processor to compile for

# isort: split
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

ROW_BYTES = 256
"""Of a row of a tile: four cache lines; four registers of 512 bits, eight of 256. Rows of 512 are no faster while tiles
stay in the second-level cache, and leave it at half as many instruments."""


def _sum_rows(typing: Any, tile: Any, instrument: Any, quantity: Any, begin: Any, end: Any, loss: Any) -> Any:
    """The kernel's type, and what writes its code."""
    arrays = (tile, instrument, quantity, loss)
    dimensions = [getattr(one, "ndim", 0) for one in arrays]
    if dimensions != [2, 1, 1, 1] or any(one.layout != "C" for one in arrays) or tile.dtype != loss.dtype:
        raise TypingError(f"a tile, positions and losses without gaps were expected, not {arrays}")
    return types.void(tile, instrument, quantity, types.intp, types.intp, loss), _write


def _write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Write the code: all positions, a vector as long as a row each. The compiler cuts it into what there is."""
    begin, end = arguments[3:5]
    tile, instrument, quantity, loss = (
        context.make_array(signature.args[at])(context, builder, arguments[at]).data for at in (0, 1, 2, 5)
    )
    number = context.get_data_type(signature.args[0].dtype)
    size = context.get_abi_sizeof(number)
    vector = ir.VectorType(number, ROW_BYTES // size)
    total = cgutils.alloca_once_value(builder, ir.Constant(vector, [0.0] * vector.count))
    with cgutils.for_range_slice(builder, begin, end, ir.Constant(begin.type, 1)) as (entry, _):
        row = builder.sext(builder.load(builder.gep(instrument, [entry])), begin.type)
        place = builder.mul(row, ir.Constant(row.type, vector.count))
        held = _in_all_lanes(builder, builder.load(builder.gep(quantity, [entry])), vector)
        unit = builder.load(_vector_at(builder, tile, place, vector), align=size)
        builder.store(_fused(builder, held, unit, builder.load(total)), total)
    to = _vector_at(builder, loss, ir.Constant(begin.type, 0), vector)
    builder.store(builder.load(total), to, align=size)
    return context.get_dummy_value()


def _in_all_lanes(builder: Any, value: Any, vector: ir.VectorType) -> Any:
    """A number, in the vector's precision, in all its lanes."""
    whole = ir.IntType(32)
    if value.type != vector.element:
        value = builder.fptrunc(value, vector.element)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(whole, 0))
    lanes = ir.Constant(ir.VectorType(whole, vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), lanes)


def _vector_at(builder: Any, data: Any, place: Any, vector: ir.VectorType) -> Any:
    return builder.bitcast(builder.gep(data, [place]), vector.as_pointer())


def _fused(builder: Any, left: Any, right: Any, add: Any) -> Any:
    """The product and the sum it goes into, rounded once."""
    vector = left.type
    kind = ir.FunctionType(vector, [vector] * 3)
    name = f"llvm.fma.v{vector.count}f{64 if vector.element == ir.DoubleType() else 32}"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [left, right, add])


def in_python(tile: Any, instrument: Any, quantity: Any, begin: int, end: int, loss: Any) -> None:
    """`sum_rows`, in plain Python."""
    loss[:] = 0.0
    for entry in range(begin, end):
        loss += tile.dtype.type(quantity[entry]) * tile[instrument[entry]]


sum_rows: Callable[..., None] = intrinsic(_sum_rows) if COMPILED else in_python  # pyright: ignore
"""Fill `loss` (scenarios of one tile) with the quantity-weighted sum of the tile's rows, entry after entry.

`tile` is instrument x scenario, ROW_BYTES a row, `loss` as long as a row; both of one precision, which quantities take.
"""
