"""Whether this run is compiled or plain, and which tests a plain run leaves out."""

import os

import pytest

PLAIN = os.environ.get("NUMBA_DISABLE_JIT") == "1"
READS_FILES = pytest.mark.skipif(PLAIN, reason="reads finished runs and sees no kernel: seen in the compiled run")
NO_KERNEL = pytest.mark.skipif(PLAIN, reason="runs no kernel: seen in the compiled run")
