"""A server process for `test_large`: the routes for bytes of the installation in DMS_HOME.

Prints its port when it listens, and ends with SIGTERM.
"""

from __future__ import annotations

import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import uvicorn

from dms.app import open_house
from dms.base import settings as configuration
from dms.web import content, uploads
from tests.web.conftest import application


def main():
    house = open_house(configuration.load())
    threads = ThreadPoolExecutor(4)
    routes = [
        *uploads.routes(house.works, house.vault, settings=house.settings, threads=threads),
        *content.routes(house.works, house.vault, threads=threads),
    ]
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        application(house, routes), log_config=None, access_log=False, lifespan="off", ws="none"
    )
    uvicorn.Server(config).run(sockets=[listener])
    threads.shutdown()
    house.close()


if __name__ == "__main__":
    main()
