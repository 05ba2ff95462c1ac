"""Finished runs as a workbook: which sheets there are, their cells, and the file."""
