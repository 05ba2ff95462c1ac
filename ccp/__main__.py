"""`python -m ccp` is the command `ccp`."""

from ccp.cli.main import main

if __name__ == "__main__":
    main()
