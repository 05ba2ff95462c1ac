"""Intel's sparse product, where it can be had: pip install sparse_dot_mkl mkl."""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.other_ways import Losses, Product, sparse_book
from ccp.kernels.exposure.sweep import PositionArrays


def find_mkl() -> Any:
    """The package `sparse_dot_mkl` with Intel's library behind it, or None."""
    for library in sorted(Path(sys.prefix).glob("lib/libmkl_rt.so*")):  # pip puts it where no loader looks
        os.environ.setdefault("MKL_RT", str(library))
    os.environ.setdefault("KMP_BLOCKTIME", "0")  # its threads must not spin while the next way is timed
    try:
        return import_module("sparse_dot_mkl")
    except ImportError:
        return None


def mkl_sparse(mkl: Any) -> Product:
    """Intel's product of a sparse book with the cube."""

    def product(positions: PositionArrays, instruments: int) -> Losses:
        book = sparse_book(positions, instruments)
        return lambda unit_loss, first, last: mkl.dot_product_mkl(book[first:last], unit_loss)

    return product
