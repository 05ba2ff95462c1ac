"""What one unit of each instrument gains or loses in each scenario: the cube.

`linear` and `option` price; `revalue` puts the cube together. Nothing after the cube knows what a product is. Sees
scenarios, market and book.
"""
