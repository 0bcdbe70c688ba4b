"""`python -m dms.cli`: the same as `dms`, for a process that starts itself again."""

from __future__ import annotations

from dms.cli import main

main()
