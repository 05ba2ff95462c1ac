"""`python -m ccp` is the command `ccp`."""

from ccp.cli import main

if __name__ == "__main__":
    main()
