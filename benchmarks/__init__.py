"""Speed and memory, measured; never part of the tests' verdict. See docs/performance.md."""
