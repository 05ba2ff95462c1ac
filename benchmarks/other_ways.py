"""The exposure job written with the usual libraries, block of accounts by block of accounts: all losses at once would
take gigabytes. The product of book and cube differs; tails and sums over pools are the same for all.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import polars as pl
from scipy import sparse

from benchmarks.jobs import ACCOUNTS_A_POOL, Job
from benchmarks.our_ways import CENTS, Answer
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.types import Vector

BLOCK = 4_096
"""Accounts at a time: the best of 512 to 16,384 for scipy, and no worse than others for the rest."""
GATHERED = 128
"""Accounts whose rows of the cube are copied side by side."""

Found = TypeVar("Found")
Losses = Callable[[np.ndarray, int, int], np.ndarray]
"""Losses (account x scenario) of the accounts from one to before another, given those of one unit."""
Product = Callable[[PositionArrays, int], Losses]
"""A way of multiplying, for a book and its number of instruments."""


def scipy_sparse(positions: PositionArrays, instruments: int) -> Losses:
    """scipy's product of a sparse book with the cube."""
    book = sparse_book(positions, instruments)
    return lambda unit_loss, first, last: book[first:last] @ unit_loss


def numpy_dense(positions: PositionArrays, instruments: int) -> Losses:
    """numpy's product of a block of the book, made dense, with the cube: more work, all of it in BLAS."""
    book = sparse_book(positions, instruments)
    return lambda unit_loss, first, last: book[first:last].toarray() @ unit_loss


def numpy_gathered(positions: PositionArrays, instruments: int) -> Losses:
    """numpy's sums over the cube's rows, copied in the order of positions. Every account holds something."""
    offset, instrument, quantity = positions

    def losses(unit_loss: np.ndarray, first: int, last: int) -> np.ndarray:
        found = []
        for begin in range(first, last, GATHERED):
            edges = offset[begin : min(begin + GATHERED, last) + 1]
            rows = slice(edges[0], edges[-1])
            found.append(np.add.reduceat(quantity[rows, None] * unit_loss[instrument[rows]], edges[:-1] - edges[0]))
        return np.concatenate(found)

    return losses


def polars_join(positions: PositionArrays, instruments: int) -> Losses:
    """A join of positions with the cube's rows, summed by account."""
    offset, instrument, quantity = positions
    accounts = np.repeat(np.arange(len(offset) - 1), np.diff(offset))
    frame = pl.DataFrame({"account": accounts, "instrument": instrument, "quantity": quantity})
    product = (pl.col("^s[0-9]+$") * pl.col("quantity")).sum()

    def losses(unit_loss: np.ndarray, first: int, last: int) -> np.ndarray:
        unit = pl.DataFrame(unit_loss, schema=[f"s{number}" for number in range(unit_loss.shape[1])])
        unit = unit.with_columns(pl.int_range(pl.len(), dtype=pl.Int32).alias("instrument"))
        part = frame[offset[first] : offset[last]].lazy().join(unit.lazy(), on="instrument")
        return part.group_by("account").agg(product).sort("account").drop("account").collect().to_numpy()

    return losses


def sparse_book(positions: PositionArrays, instruments: int) -> sparse.csr_matrix:
    """The positions, account x instrument. Nothing is copied."""
    offset, instrument, quantity = positions
    return sparse.csr_matrix((quantity, instrument, offset), shape=(len(offset) - 1, instruments))


def tails(losses: np.ndarray, weight: Vector) -> np.ndarray:
    """The weighted tail of every row's largest losses."""
    kept = len(weight)
    largest = np.partition(losses, -kept, axis=1)[:, -kept:]
    largest.sort(axis=1)
    return np.maximum(largest[:, ::-1] @ weight, 0)


def by_blocks(block: Callable[[int, int], Found], accounts: int, size: int = BLOCK, by_hand: int = 1) -> list[Found]:
    """What is found of every block of accounts, one after the other, or on so many threads by hand."""
    firsts = range(0, accounts, size)
    if by_hand == 1:
        return [block(first, min(first + size, accounts)) for first in firsts]
    with ThreadPoolExecutor(by_hand) as pool:
        return list(pool.map(lambda first: block(first, min(first + size, accounts)), firsts))


def answer(job: Job, product: Product, by_hand: int = 1) -> Answer:
    """The whole job by one of the products."""
    losses = product(job.portfolio.positions, job.size.instruments)

    def block(first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        found = losses(job.unit_loss, first, last)
        need = tails(found[:, : job.size.margin], job.tail_weight)
        starts = np.arange(0, len(need), ACCOUNTS_A_POOL)
        over = np.add.reduceat(found[:, job.size.margin :], starts) - np.add.reduceat(need, starts)[:, None]
        return need, np.maximum(over, 0)

    found = by_blocks(block, job.size.accounts, by_hand=by_hand)
    short = np.zeros((len(job.portfolio.members), job.size.stress))
    np.add.at(short, job.portfolio.pool_member, np.concatenate([over for _, over in found]))
    return Answer(np.concatenate([need for need, _ in found]) * CENTS, short * CENTS)
