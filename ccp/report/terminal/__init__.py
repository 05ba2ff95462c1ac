"""What people read in a terminal: summaries, stories, statements and rulebooks. Sees finished results only."""
