"""Key risk indicators: what is read out of a run, command by command, and how it stands against its thresholds."""
