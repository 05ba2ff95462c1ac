"""What one unit of each instrument gains or loses in each scenario: the cube.

`terms` looks up what a pricer needs, `horizon` says over how many days; `revalue` makes the cube, by a kernel that
knows the products; `option` is the model's value today, `quality` what a reader should know. Nothing after the cube
knows what a product is. Sees scenarios, market and book.
"""
