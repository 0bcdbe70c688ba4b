"""A server on a port of this machine, with somebody of every role and things that nobody may see."""

from __future__ import annotations

import json
import os
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dms.access import tokens
from dms.app import create_app
from dms.base.actor import system_actor
from dms.base.ids import Kind, global_id
from dms.base.settings import Settings
from dms.house import install, open_house
from dms.models.users import TokenKind
from dms.rules.security import Mark
from tests.factories import World
from tests.web.transfers import listening

HERE = Path(__file__).resolve().parent
MARKER = "Quetzalcoatl"
"""A word in everything that nobody may see."""

ROLES = (
    "reader",
    "technician",
    "records_manager",
    "disposal_approver",
    "auditor",
    "log_custodian",
    "administrator",
    "security_officer",  # the last: what they give, they give to the others too
)


@dataclass(frozen=True)
class Live:
    """Where it is, and who may ask it."""

    url: str
    tokens: dict[str, str]
    ids: tuple[str, ...]

    def environment(self, role: str = "reader") -> dict[str, str]:
        """What a program needs to ask, as somebody of this role or as everybody."""
        lists = {"TOKENS": json.dumps(self.tokens), "IDS": json.dumps(self.ids)}
        return {**os.environ, "SERVER": self.url, "TOKEN": self.tokens[role], "MARKER": MARKER, **lists}


@contextmanager
def live(folder: Path, **changes):
    """A fresh installation on SQLite, served as long as the `with` lasts."""
    settings = Settings(home=folder / "var", password_preset="test", **changes)
    install(settings)
    with closing(open_house(settings)) as house:
        world = World(house)
        ids = [*hidden(world), *shown(world)]
        users = {role: world.officer(role=role, rank=100) for role in ROLES}
        ids += [global_id(Kind.USER, user) for user in users.values()]
        issued = {role: issue(house, user) for role, user in users.items()}
        with listening(create_app(house)) as port:
            yield Live(f"http://127.0.0.1:{port}", issued, tuple(ids))


def hidden(world) -> list[str]:
    """The ids of things above everybody's clearance, which name the marker wherever they can."""
    world.level(400)
    mark, words = Mark(400), {"title": f"About {MARKER}", "title_key": f"about {MARKER.lower()}"}
    room = world.aggregation(mark=mark, **words)
    things = [world.document(room, mark=mark, **words) for _ in range(3)]
    return [global_id(Kind.AGGREGATION, room), *(global_id(Kind.DOCUMENT, each) for each in things)]


def shown(world) -> list[str]:
    """The ids of things that the roles that read may read."""
    room = world.aggregation()
    things = [world.document(room) for _ in range(3)]
    return [global_id(Kind.AGGREGATION, room), *(global_id(Kind.DOCUMENT, each) for each in things)]


def issue(house, user) -> str:
    """A token, as a log-in gives it."""

    def body(work):
        return tokens.issue(work, user, kind=TokenKind.SESSION, idle_s=3_600, absolute_s=7_200, note="log-in")

    return house.works.write(system_actor("outside"), body).token
