"""People with passwords who log in, and what their tokens stand for."""

from __future__ import annotations

from sqlalchemy import update
from starlette.responses import JSONResponse
from starlette.routing import Route

from dms.access import login
from dms.base.actor import system_actor
from dms.models.users import Principal, PrincipalStatus
from dms.stores import upkeep
from tests.factories import World
from tests.web.conftest import HASHER

PASSWORD = "seven brown herons"


def write(house, body):
    return house.works.write(system_actor("test"), body)


def person(house, name, *, password=PASSWORD, hasher=HASHER):
    user = World(house).user(name)
    if password is not None:
        stored = hasher.hash(password)
        write(house, lambda work: login.set_password(work, user, password_hash=stored))
    return user


def change(house, statement):
    with upkeep.writing(house.database) as connection:
        connection.execute(statement)


def one(house, statement):
    with upkeep.reading(house.database) as connection:
        return connection.execute(statement).one()


def disable(house, user):
    change(house, update(Principal).where(Principal.id == user).values(status=PrincipalStatus.DISABLED))


def try_login(client, name, password=PASSWORD, **headers):
    return client.post("/auth/login", {"name": name, "password": password}, **headers)


def token_of(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


async def whoami(request):
    actor = request.scope["dms.actor"]
    session = actor.session_id.hex if actor.session_id else None
    return JSONResponse(
        {
            "kind": actor.kind,
            "account": actor.principal_id.hex if actor.principal_id else None,
            "session": session,
        }
    )


WHO = [Route("/whoami", whoami)]


def message(answer):
    return answer.json()["errors"][0]["message"]
