"""What one unit of each instrument gains or loses in each scenario: the cube.

`terms` looks up what a pricer needs, `market_state` says where factors and time may stand, and `pricers` has the one
pricer of every product, which the cube, settlement prices, close-out and exercise all ask; `option` is the options'.
`horizon` says over how many days, `revalue` makes the cube, `quality` says what a reader should know. Nothing after the
cube knows what a product is. Sees scenarios, market and book.
"""
