"""A Ray of this machine for tests: how many workers, where they look for tasks, and whether there is any."""

import os
from pathlib import Path

import pytest

WORKERS = 2
TESTS_TOO = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
"""The search path of processes that have to find the tasks of tests."""


def needs_ray() -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install '.[cluster]'")
