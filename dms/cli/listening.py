"""A socket that is there before the server is, so that its port is known."""

from __future__ import annotations

import socket

from dms.base.errors import ConfigurationError


def listen(host: str, port: int) -> socket.socket:
    """Listen; `ConfigurationError` if the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"cannot listen on `{host}:{port}` ({error.strerror}): "
            "choose another with `DMS_PORT`, 0 lets the system choose"
        ) from error
    listening.listen(2048)
    listening.set_inheritable(True)
    return listening


def address_of(listening: socket.socket) -> str:
    """Return the address as a browser takes it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
