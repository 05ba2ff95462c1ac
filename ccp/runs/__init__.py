"""Runs on disk: which files each command writes, and finished runs read back. Sees tables, frames and errors only."""
