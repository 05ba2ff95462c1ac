"""Runs on disk: what each command writes, writing it whole or not at all, and finished runs read back.

Sees rulebook, frames and errors only.
"""
