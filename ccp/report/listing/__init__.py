"""Columns and figures of finished runs: finding, naming, selecting and listing them. Sees elements and runs."""
