"""The command line `dms`."""
