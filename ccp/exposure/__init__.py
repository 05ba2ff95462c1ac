"""Portfolio times cube, in blocks of accounts; nothing of size accounts x scenarios is ever kept.

Sees pricing (the cube), book (the portfolio) and kernels; knows nothing of products.
"""
