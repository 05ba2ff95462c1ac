"""What finished runs say of the key risk indicators: a module for each kind of run. What is not known says why.

Amounts are taken as whole minor units and shares as exact fractions, so that on a threshold is on it. Sees finished
results only.
"""
