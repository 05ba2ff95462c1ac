"""Notes as lines of a terminal: of many notes of a kind the first few."""

from collections.abc import Sequence

from ccp.notes.note import Note, first_of_each

MOST_NOTES = 5
"""Of a kind that are printed."""


def note_lines(notes: Sequence[Note]) -> list[str]:
    """A line a note, and one that says how many are left out."""
    shown, more = first_of_each(notes, MOST_NOTES)
    left_out = [f"note: and {more:,} more of the same kinds; the run's manifest has them all"] if more else []
    return [*(f"note: {one}" for one in shown), *left_out]
