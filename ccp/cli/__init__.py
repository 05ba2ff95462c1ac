"""The commands, one file each. They read options, call `ccp.api` and print; no arithmetic, and imports are lazy."""
