"""`dms log witness`: stand witness for access logs, this one's or others'."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import click
import uvicorn

from dms.access.log import keys
from dms.access.log.witnessing import Witness
from dms.base import logging as operational_log
from dms.base.errors import ConfigurationError
from dms.cli.listening import address_of, listen
from dms.rules import signednotes
from dms.rules.signednotes import KeyKind, VerifierKey
from dms.web.witness import create_app


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", required=True, help="Name of the witness, such as a host: part of its public key.")
@click.option(
    "--log", "logs", multiple=True, required=True, help="Public key of a log to witness; repeat it."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, default=8001, show_default=True, help="Port; 0 lets the system choose.")
def witness(folder: Path, *, name: str, logs: tuple[str, ...], host: str, port: int) -> None:
    """Keep the last checkpoint of each log in FOLDER, and cosign the next one if it continues that.

    Run it on another machine, by somebody else than who runs the log. The key is made in FOLDER the first
    time; the public key goes into the log's DMS_LOG_WITNESS_FILE. Needs no installation.
    """
    operational_log.configure("info")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    signer = _signer(folder.with_name(f"{folder.name}.keys"), name, folder)
    found: dict[str, list[VerifierKey]] = defaultdict(list)
    for text in logs:
        key = _log_key(text)
        found[key.name].append(key)
    with listen(host, port) as listening:
        click.echo(f"public key: {signer.verifier}")
        click.echo(f"listening {address_of(listening)}")
        app = create_app(Witness(folder, signer, found))
        config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, ws="none")
        uvicorn.Server(config).run(sockets=[listening])


def _signer(path: Path, name: str, folder: Path) -> keys.Signer:
    if not path.exists():
        keys.create(path, keys.made(name, KeyKind.COSIGNATURE), data_folder=folder)
    signer = keys.read_file(path)[0]
    if signer.name != name or signer.kind is not KeyKind.COSIGNATURE:
        raise ConfigurationError(f"`{path}` holds the key of `{signer.name}`: choose another folder")
    return signer


def _log_key(text: str) -> VerifierKey:
    try:
        return signednotes.read_key(text)
    except ValueError as error:
        raise click.UsageError(f"`--log {text}`: {error}") from error
