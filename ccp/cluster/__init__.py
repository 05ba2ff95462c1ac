"""One task over many items: in this process, on its threads, or on a cluster of machines. Knows nothing of clearing."""
