"""The command line `dms`."""

from dms.cli.frame import main

__all__ = ["main"]
