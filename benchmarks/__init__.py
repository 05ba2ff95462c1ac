"""Speed and memory, measured: ratios against the usual libraries in the same run, shares of a limit, growth.

`python -m benchmarks` measures everything and writes benchmarks/README.md; see docs/performance.md.
"""

import ccp.kernels.engine as _engine  # before numba, wherever a benchmark imports it: it decides how wide vectors are

COMPILED = _engine.COMPILED
"""Whether there is anything to time: not where kernels run as plain Python."""
