"""The server as it is, on an inherited socket."""

from __future__ import annotations

import sys

from benchmarks.servers import serve
from dms.app import create_app
from dms.base import memory, settings
from dms.house import open_house

if __name__ == "__main__":
    memory.keep_freed()
    serve(create_app(open_house(settings.load())), descriptor=int(sys.argv[1]))
