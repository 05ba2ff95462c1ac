"""Settings and books that several test files share."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import ccp
from ccp.book.synthetic import BookSize

PLAIN = os.environ.get("NUMBA_DISABLE_JIT") == "1"
settings.register_profile(
    "ccp",
    deadline=None,
    derandomize=True,
    max_examples=40 if PLAIN else 100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("ccp")


@pytest.fixture(scope="session")
def small_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic book small enough for the plain run."""
    return ccp.synthesize(tmp_path_factory.mktemp("books") / "small", BookSize(8, 50, 500, 60), seed=3)
