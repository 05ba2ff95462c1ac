"""Speed and memory, measured: ratios against the usual libraries in the same run, shares of a limit, growth.

`python -m benchmarks` measures everything and writes benchmarks/README.md; see docs/explain/performance.md.
"""

# before numba, wherever a benchmark imports it: it decides how wide vectors are
import ccp.kernels.engine.numba_door as _engine

COMPILED = _engine.COMPILED
"""Whether there is anything to time: not where kernels run as plain Python."""
