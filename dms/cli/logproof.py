"""`dms log proof`: a receipt for one event, which anybody with the public key can verify."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import click

from dms.access.log import auditrows, proofs
from dms.access.log.auditrows import Placed
from dms.base.errors import NotFound, Unavailable
from dms.base.ids import Kind, parse_id_of
from dms.cli.frame import opened, operator
from dms.cli.outputs import target_of
from dms.house import House
from dms.rules.accessevents import Op
from dms.stores.work import Work

_file = click.Path(path_type=Path)


@click.command()
@click.argument("event_id")
@click.option("-o", "--output", type=_file, help="File to make for the proof; standard output if left out.")
@click.option("--body", type=_file, help="File to make for the exact bytes of the event, which it proves.")
@click.pass_context
def proof(ctx: click.Context, /, *, event_id: str, output: Path | None, body: Path | None) -> None:
    """Write the proof that the event EVENT_ID is in the log: its id in the API, or the UUID a finding names.

    `dms log verify --proof FILE --body FILE --key VKEY` verifies it, on any machine. Taking it out is
    recorded. Exit code 1: there is no such event. 3: no checkpoint covers it yet.
    """
    with opened(ctx) as house:
        found = _placed(house, event_id)
        made = str(proofs.prove(house.log_place.shard(), found.index))
        _record(house, found, with_body=body is not None)
        with target_of(output) as target:
            target.write(made.encode())
        if body is not None:
            with target_of(body) as target:
                target.write(found.body)


def _placed(house: House, text: str) -> Placed:
    event_id = parse_id_of(Kind.ACCESS_EVENT, text) or _uuid(text)
    found = None if event_id is None else auditrows.placed(house.database, event_id)
    if found is None:
        raise NotFound(f"there is no event `{text}`")
    if found.index < 0:
        raise Unavailable("the event has no place in the log yet: run `dms log run` and `dms log sign`")
    return found


def _record(house: House, found: Placed, *, with_body: bool) -> None:
    def body(work: Work) -> None:
        work.performs(Op.LOG_PROVE)
        work.notes.detail["proved"] = {"event": found.event_id.hex, "body": with_body}

    house.works.read(operator(), body)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(hex=text)
    except ValueError:
        return None
