"""Price history: read from files or the one that is shipped, its returns, and modelled volatility.

Sees frames, documents, money and errors; knows nothing of books beyond the names of the factors it must hold.
"""
