"""The risk committee's pack: sections of words, key figures, charts and tables, made from finished runs.

`ccp.report.elements` says what a pack is made of; every module here makes a section or what sections share. The page,
the printed copy and the workbook draw the same pack.
"""
