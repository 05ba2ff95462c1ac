"""Each run as a few readable lines, one file each: the same for the command line and for Python.

`inputs` opens a case and states what a run was made from. Sees everything but the command line.
"""
