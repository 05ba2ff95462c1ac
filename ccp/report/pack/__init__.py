"""The risk committee's pack: sections of words, key figures, charts and tables, made from finished runs.

`model` says what a pack is made of; every other module makes one section. The page, the printed copy and the workbook
draw the same pack.
"""
