"""`dms demo`: the town of Port Sevrain comes to life, once, whole, and everybody does his own part."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import time
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from dms.access import gate, tokens
from dms.base.clock import system_clock
from dms.base.settings import Settings
from dms.cli.demo import QUERY
from dms.cli.sample import contents
from dms.cli.sample.classes import CLASSES
from dms.cli.sample.load import load
from dms.cli.sample.logins import FILE, read
from dms.cli.sample.plan import plan
from dms.house import install, open_house
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation, Repository
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.models.security import Clearance, Compartment, SecurityLevel
from dms.models.users import Account, BearerToken, OneTimeCode, Principal, PrincipalKind, PrincipalLink
from dms.models.versions import Blob, ContentFile, Upload, Version
from dms.rules.access import Action
from dms.rules.states import DocumentState
from dms.stores import upkeep
from tests import forked
from tests.factories import actor
from tests.logged import logged

PLAN = plan()
KILLED_AFTER = 60

# What each person may read, as `test_sample_access` decides it on the plan alone.
READABLE = {
    "astrid.lindqvist": 0,
    "miriam.okafor": 0,
    "tommaso.bellandi": 0,
    "helene.desrosiers": 0,
    "jules.ferrand": 313,
    "rosalind.castellane": 155,
    "dario.kovac": 268,
    "chen.lihua": 263,
    "silvia.moretti": 42,
    "nadia.haddad": 56,
    "bernard.armitage": 61,
    "camille.roussel": 31,
    "edmund.whitcombe": 214,
    "oskar.brandt": 0,
}

COUNTED = {
    "accounts": select(func.count()).select_from(Account),
    "groups": select(func.count()).select_from(Principal).where(Principal.kind == PrincipalKind.GROUP),
    "links": select(func.count()).select_from(PrincipalLink),
    "levels": select(func.count()).select_from(SecurityLevel),
    "compartments": select(func.count()).select_from(Compartment),
    "clearances": select(func.count()).select_from(Clearance),
    "entries": select(func.count()).select_from(AccessEntry),
    "classes": select(func.count()).select_from(RecordClass),
    "aggregations": select(func.count()).select_from(Aggregation),
    "documents": select(func.count()).select_from(Document),
    "declared": select(func.count()).select_from(Document).where(Document.state == DocumentState.DECLARED),
    "versions": select(func.count()).select_from(Version),
    "files": select(func.count()).select_from(ContentFile),
    "blobs": select(func.count()).select_from(Blob),
    "uploads": select(func.count()).select_from(Upload),
}


def environment(settings):
    chosen = {
        "DMS_HOME": str(settings.home),
        "DMS_PASSWORD_PRESET": "test",
        "DMS_PORT": "0",
        "PYTHONPATH": str(Path.cwd()),
        "PATH": os.environ["PATH"],
    }
    return chosen | ({"DMS_DATABASE_URL": settings.database_url} if settings.database_url else {})


@contextmanager
def started(settings, *arguments):
    """The command in a process of its own, killed at the end if it still runs."""
    with forked.begin(*arguments, env=environment(settings)) as process:
        try:
            yield process
        finally:
            process.kill()


def count(house, name):
    with upkeep.reading(house.database) as connection:
        return connection.execute(COUNTED[name]).scalar_one()


def counts(house):
    return {name: count(house, name) for name in COUNTED}


def column(house, statement):
    with upkeep.reading(house.database) as connection:
        return connection.execute(statement).scalars().all()


def accounts(house):
    with upkeep.reading(house.database) as connection:
        rows = connection.execute(
            select(Principal.name, Principal.id).where(Principal.kind == PrincipalKind.USER)
        )
        return {row.name: row.id for row in rows}


def read_as(house, name, body):
    return house.works.read(actor(accounts(house)[name]), body)


@pytest.fixture(scope="module")
def loaded(engine_kind, installation):
    """An installation whose loading was killed among the Documents, and begun again."""
    with installation(engine_kind) as settings:
        install(settings)
        with started(settings, "demo", "--load-if-empty") as process, closing(open_house(settings)) as house:
            until = time.monotonic() + 120
            while count(house, "documents") < KILLED_AFTER and time.monotonic() < until:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.02)
            process.kill()
            process.wait()
            left = counts(house)
        again = forked.run("demo", "--load-if-empty", "--json", env=environment(settings))
        assert again.returncode == 0, again.stderr
        with closing(open_house(settings)) as house:
            yield settings, house, left, json.loads(again.stdout)


def test_loading_was_killed_in_the_middle(loaded):
    _, _, left, _ = loaded

    assert KILLED_AFTER <= left["documents"] < len(PLAN.documents)
    assert left["declared"] == 0


def test_loading_begun_again_is_whole_and_has_doubled_nothing(loaded):
    _, house, _, _ = loaded

    versions = sum(len(document.versions) for document in PLAN.documents)
    assert counts(house) == {
        "accounts": len(PLAN.people),
        "groups": len(PLAN.groups),
        "links": len(PLAN.links),
        "levels": len(PLAN.levels),
        "compartments": len(PLAN.compartments),
        "clearances": len(PLAN.clearances),
        "entries": len(PLAN.entries),
        "classes": len(CLASSES) + 1,
        "aggregations": len(PLAN.aggregations),
        "documents": len(PLAN.documents),
        "declared": sum(document.is_declared for document in PLAN.documents),
        "versions": versions,
        "files": versions,
        "blobs": versions,
        "uploads": versions,
    }


def test_loading_what_is_whole_changes_nothing(loaded):
    settings, house, _, _ = loaded
    before, events = counts(house), len(logged(house.database))

    load(house, read(settings.home).passwords, tell=lambda *_: None)

    assert counts(house) == before
    assert {event.columns["outcome"] for event in logged(house.database)[events:]} == {"released"}


def test_check_finds_nothing_wrong_with_what_was_killed_and_begun_again(loaded, dms_on):
    settings, _, _, _ = loaded

    with dms_on(settings) as dms:
        ran = dms("check", "--deep", "--json")

    parts = {part["name"]: part for part in ran.json()["parts"]}
    assert (ran.code, ran.json()["sound"]) == (0, True)
    assert parts["contents"]["examined"] == 355
    assert parts["documents"]["examined"] == 331
    codes = {finding["code"] for part in parts.values() for finding in part["findings"]}
    assert codes <= {
        "content_unnamed",
        "staged_leftover",
        "log_unwitnessed",
        "log_role_may_more",
        "event_waiting",
    }


def test_everybody_may_read_what_the_plan_says(loaded):
    _, house, _, _ = loaded

    def readable(work):
        return gate.visible(work, Document, Action.READ_CONTENT).count()

    assert {person.name: read_as(house, person.name, readable) for person in PLAN.people} == READABLE


def test_content_comes_back_as_it_was_made(loaded):
    _, house, _, _ = loaded
    chosen = next(d for d in PLAN.documents if len(d.versions) == 4)
    statement = (
        select(Blob.plain_sha256, ContentFile.name, ContentFile.media_type)
        .join(ContentFile, ContentFile.blob_id == Blob.id)
        .join(Version, Version.id == ContentFile.version_id)
        .join(Document, Document.id == Version.document_id)
        .where(Document.title == chosen.title)
        .order_by(Version.number)
    )

    with upkeep.reading(house.database) as connection:
        rows = [tuple(row) for row in connection.execute(statement)]

    made = [contents.version_bytes(chosen, version) for version in chosen.versions]
    assert rows == [
        (hashlib.sha256(plain).hexdigest(), version.file_name, contents.MEDIA_TYPES[version.kind])
        for plain, version in zip(made, chosen.versions, strict=True)
    ]


def test_everybody_did_his_own_part(loaded):
    _, house, _, _ = loaded
    names = {key: name for name, key in accounts(house).items()}

    with upkeep.reading(house.database) as connection:
        rows = connection.execute(
            select(
                Document.title, Document.created_by, Document.declared_by, Aggregation.reference_code
            ).join(Aggregation, Aggregation.id == Document.aggregation_id)
        ).all()

    assert {(row.reference_code, row.title): names[row.created_by] for row in rows} == {
        (document.aggregation, document.title): document.registered_by for document in PLAN.documents
    }
    assert {(row.reference_code, row.title) for row in rows if row.declared_by == row.created_by} == {
        (document.aggregation, document.title) for document in PLAN.documents if document.is_declared
    }


def test_access_log_tells_who_did_what(loaded):
    _, house, _, _ = loaded
    names = {key: name for name, key in accounts(house).items()}

    doers = {}
    for event in logged(house.database):
        if event.columns["outcome"] == "committed":
            doers.setdefault(event.columns["op"], set()).add(names.get(event.columns["actor_id"]))

    officers = {"miriam.okafor", "tommaso.bellandi"}
    assert doers["user.create"] == {None, "astrid.lindqvist"}
    assert doers["account.code_used"] == set(names.values())
    assert doers["role.assign"] == {"astrid.lindqvist", "tommaso.bellandi"}
    assert doers["accesschange.propose"] == officers
    assert doers["accesschange.approve"] == officers | {"astrid.lindqvist"}
    assert doers["clearance.grant"] == officers
    assert doers["access.grant"] == officers | {"camille.roussel"}
    assert doers["securitylevel.create"] == doers["group.create"] == {"miriam.okafor"}
    assert doers["schemeedition.create"] == doers["aggregation.create"] == {"jules.ferrand"}
    assert doers["hold.place"] == {"jules.ferrand"}
    assert doers["schemeedition.approve"] == {"rosalind.castellane"}
    assert doers["scheduleedition.activate"] == {"jules.ferrand"}
    assert doers["scheduleedition.approve"] == {"rosalind.castellane"}
    assert doers["document.declare"] == {d.registered_by for d in PLAN.documents if d.is_declared}
    details = [event.detail for event in logged(house.database) if event.columns["op"] == "document.declare"]
    assert all(detail["operator"] for detail in details)


def test_names_of_the_town_are_those_of_the_plan(loaded):
    _, house, _, _ = loaded

    assert sorted(column(house, select(Aggregation.reference_code))) == sorted(
        node.reference_code for node in PLAN.aggregations
    )
    assert set(column(house, select(RecordClass.code))) == {"unassigned", *(cls.code for cls in CLASSES)}
    unassigned = (
        select(func.count())
        .select_from(Document)
        .join(RecordClass, RecordClass.id == Document.record_class_id)
    )
    assert column(house, unassigned.where(RecordClass.code == "unassigned")) == [0]


def test_passwords_are_drawn_for_this_installation_and_kept_for_its_owner(loaded):
    settings, house, _, shown = loaded
    path = settings.home / FILE

    passwords = {person["name"]: person["password"] for person in shown["people"]}

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read(settings.home).passwords == passwords
    assert read(settings.home).is_complete
    assert len(set(passwords.values())) == len(PLAN.people)
    assert all(re.fullmatch(r"[a-z2-9]{5}(-[a-z2-9]{5}){3}", password) for password in passwords.values())
    hashes = column(house, select(Account.password_hash))
    assert all(text.startswith("$argon2id$") for text in hashes)
    assert all(used_at is not None for used_at in column(house, select(OneTimeCode.used_at)))


def test_json_shows_everybody_with_a_token_that_counts(loaded):
    _, house, _, shown = loaded

    people = {person["name"]: person for person in shown["people"]}

    assert list(people) == [person.name for person in PLAN.people]
    assert shown["graphql"] == shown["address"] + "/graphql"
    assert shown["page"] == shown["address"] + "/graphiql"
    assert people["bernard.armitage"] == {
        "name": "bernard.armitage",
        "displayName": "Bernard Armitage",
        "post": "Building surveyor",
        "roles": [],
        "groups": ["administration", "building-control", "building-office", "town-hall"],
        "clearance": {"level": "confidential", "compartments": ["litigation"]},
        "password": people["bernard.armitage"]["password"],
        "token": people["bernard.armitage"]["token"],
    }
    assert people["oskar.brandt"]["clearance"] is None
    assert people["edmund.whitcombe"]["roles"] == ["reader"]
    for name, key in accounts(house).items():
        holder = tokens.look_up(house.database, people[name]["token"], now=system_clock())
        assert holder.principal_id == key


def test_every_call_gives_new_sessions(loaded, dms_on):
    settings, house, _, shown = loaded
    before = len(column(house, select(BearerToken.id)))

    with dms_on(settings) as dms:
        again, in_words = dms("demo", "--json"), dms("demo")

    assert (again.code, in_words.code) == (0, 0)
    assert {p["token"] for p in again.json()["people"]}.isdisjoint({p["token"] for p in shown["people"]})
    assert len(column(house, select(BearerToken.id))) == before + len(PLAN.people) + 1
    lines = in_words.out.splitlines()
    assert lines[0].split() == ["name", "password", "clearance", "roles", "who"]
    assert all(p["password"] in in_words.out for p in shown["people"])
    assert lines[-1].startswith("curl -s http://127.0.0.1:8000/graphql -H 'Authorization: Bearer dms_s_")


def test_server_says_when_it_is_ready_and_answers_the_printed_line(loaded):
    settings, house, _, _ = loaded

    with started(settings, "demo", "--serve") as process:
        lines = []
        while not lines or not lines[-1].startswith("curl "):
            lines.append(process.stdout.readline().rstrip("\n"))
            assert lines[-1] or process.poll() is None, process.stderr.read()
        address = next(line.split()[1] for line in lines if line.startswith("server"))
        token = re.search(r"Bearer (\S+)'", lines[-1]).group(1)
        answer = httpx.post(
            f"{address}/graphql", json={"query": QUERY}, headers={"Authorization": f"Bearer {token}"}
        )
        process.terminate()
        process.wait(timeout=30)

    found = answer.json()["data"]["documents"]
    assert found["totalCount"] == read_as(
        house, "jules.ferrand", lambda work: gate.visible(work, Document, Action.READ_METADATA).count()
    )
    assert len(found["nodes"]) == 5


def test_nothing_is_loaded_unasked(dms, dms_on, tmp_path):
    dms("migrate")

    empty = dms("demo", "--json")
    with dms_on(Settings(home=tmp_path / "nothing")) as dms_on_nothing:
        nothing = dms_on_nothing("demo")

    for ran in (empty, nothing):
        assert ran.code == 3
        assert ran.err == "dms: there is no sample archive here yet: run `dms demo --load-if-empty`\n"
    assert not (tmp_path / "nothing").exists()


def test_archive_of_others_is_left_alone(dms, fresh_settings):
    dms("migrate")
    dms("user", "create-admin", "root")

    ran = dms("demo", "--load-if-empty")

    assert ran.code == 3
    assert ran.err == (
        f"dms: `{fresh_settings.home}` holds accounts or records that are no sample: "
        "choose another folder with `DMS_HOME`\n"
    )
    assert not (fresh_settings.home / FILE).exists()


def test_sample_has_no_place_in_production(dms, monkeypatch):
    monkeypatch.setenv("DMS_PRODUCTION", "true")
    monkeypatch.setenv("DMS_PASSWORD_PRESET", "default")

    ran = dms("demo", "--load-if-empty")

    assert ran.code == 3
    assert ran.err == "dms: the sample archive has no place in production: unset `DMS_PRODUCTION`\n"


def test_damaged_file_of_log_ins_is_refused_and_kept(dms, fresh_settings):
    dms("migrate")
    (fresh_settings.home / FILE).write_text("{")

    ran = dms("demo", "--load-if-empty")

    assert ran.code == 3
    assert "cannot be read: remove it together with the sample archive, and load that again" in ran.err
    assert (fresh_settings.home / FILE).read_text() == "{"


def test_new_installation_gets_the_name_of_the_town(tmp_path):
    settings = Settings(home=tmp_path / "var")

    with started(settings, "demo", "--load-if-empty") as process:
        until = time.monotonic() + 60
        while not (settings.home / FILE).exists() and time.monotonic() < until:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        process.kill()
        process.wait()

    with closing(open_house(settings)) as house:
        assert column(house, select(Repository.name)) == [PLAN.repository]
