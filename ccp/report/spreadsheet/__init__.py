"""The sheets of a workbook: which there are, what stands on them, and how a cell is written."""
