"""`dms accesslist`: access lists as files, as far as an account may know and change them."""

from __future__ import annotations

import csv
import hashlib
import io

import pytest

from dms.base.clock import system_clock
from dms.base.ids import Kind, global_id, new_id
from dms.cli import accessreview
from dms.house import install, open_house
from dms.rules.access import Action
from dms.rules.accessfindings import FindingKind
from dms.rules.accesssheets import Column
from dms.rules.security import Mark
from dms.services.accessfindings import Finding
from tests.factories import World
from tests.logged import logged

NOT_KNOWN = "check kind and spelling; what you may not know of is answered like what does not exist"
HEAD = "principal_kind,principal,node_kind,node_code,action,effect,reason"
LINE = "user,ana,aggregation,F2,%s,allow,works on it"


@pytest.fixture(scope="module")
def town(settings):
    """A fonds whose list `olga` manages by office, and `ana` not at all."""
    install(settings)
    house = open_house(settings)
    world = World(house)
    ana, olga = world.user("ana"), world.officer("olga", rank=200)
    top = world.aggregation(reference_code="F1")
    other = world.aggregation(reference_code="F2")
    inner = world.aggregation(top)
    hidden = world.aggregation(top, mark=Mark(300))
    entries = [world.entry(ana, node, Action.LEND) for node in (top, inner)]
    world.entry(ana, hidden, Action.LEND)
    yield {"house": house, "world": world, "olga": olga, "top": top, "other": other, "entries": entries}
    house.close()


@pytest.fixture
def archive(town):
    """The same, and how many events there are before the test."""
    return {**town, "before": len(logged(town["house"].database))}


@pytest.fixture
def dms(settings, town, dms_on):
    """Commands on the town's installation."""
    with dms_on(settings) as run:
        yield run


def events(archive, op):
    found = logged(archive["house"].database)[archive["before"] :]
    return [one for one in found if one.fields["op"] == op]


def rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def written(folder, *lines):
    path = folder / "changes.csv"
    path.write_text("\n".join([HEAD, *lines]), encoding="utf-8-sig")
    return str(path)


def test_export_of_a_node_holds_what_is_below_as_far_as_it_may_be_known(dms, archive, tmp_path):
    output = tmp_path / "lists.csv"

    ran = dms("accesslist", "export", str(output), "--of", "F1", "--as", "olga", "--json")

    content = output.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    found = rows(content.decode())
    assert ran.code == 0
    assert ran.json() == {"file": str(output), "lines": 2, "bytes": len(content), "sha256": digest}
    assert list(found[0]) == list(Column)
    assert [row["entry_id"] for row in found] == [
        global_id(Kind.ACCESS_ENTRY, each) for each in archive["entries"]
    ]
    last = events(archive, "accesslist.export")[-1]
    assert (last.fields["bytes"], last.detail["exported"]["sha256"]) == (len(content), digest)
    assert output.stat().st_mode & 0o077 == 0


def test_export_to_standard_output_and_by_id_is_the_same(dms, archive):
    node = global_id(Kind.AGGREGATION, archive["top"])

    ran = dms("accesslist", "export", "-", "--id", node, "--as", "olga", "--validity", "live")

    assert (ran.code, len(rows(ran.out))) == (0, 2)
    assert ran.out == dms("accesslist", "export", "-", "--of", "F1", "--as", "olga").out


def test_export_overwrites_nothing(dms, tmp_path):
    output = tmp_path / "lists.csv"
    output.write_text("mine")

    ran = dms("accesslist", "export", str(output), "--as", "olga")

    assert (ran.code, output.read_text()) == (2, "mine")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-", "--as", "ana"), 1, "dms: this needs the duty `access.review`\n"),
        (("-", "--of", "F1", "--as", "ana"), 1, None),
        (("-", "--of", "N1", "--as", "olga"), 1, "dms: there is no node `N1` that `olga` may know of\n"),
        (("-", "--id", "x", "--as", "olga"), 1, "dms: there is no node `x` that `olga` may know of\n"),
        (("-", "--of", "F1", "--id", "x", "--as", "olga"), 2, None),
        (("-", "--json", "--as", "olga"), 2, None),
    ],
)
def test_export_that_cannot_be_says_why(dms, arguments, code, message):
    ran = dms("accesslist", "export", *arguments)

    assert (ran.code, ran.out) == (code, "")
    assert message is None or ran.err == message


def test_import_tells_first_and_then_does(dms, archive, tmp_path):
    path = written(tmp_path, LINE % "EDIT", LINE % "FILE")

    dry = dms("accesslist", "import", path, "--as", "olga", "--dry-run")
    done = dms("accesslist", "import", path, "--as", "olga")
    again = dms("accesslist", "import", path, "--as", "olga", "--json")

    assert (dry.code, dry.out.splitlines()) == (
        0,
        ["line 2: grant", "line 3: grant", "2 grant, 0 revoke, 0 keep, 0 refused: nothing was written"],
    )
    assert (done.code, done.out.splitlines()[-1]) == (0, "2 grant, 0 revoke, 0 keep, 0 refused: done")
    assert (again.code, again.json()["refused"], again.json()["written"]) == (1, 2, False)
    assert again.json()["lines"][0]["problems"][0]["code"] == "CONFLICT"
    changed = [len(one.fields["changed"]) for one in events(archive, "accesslist.import")]
    assert changed == [0, 2, 0]


def test_refused_line_refuses_the_file_and_says_what_to_do(dms, tmp_path):
    path = written(
        tmp_path, LINE % "MARK", "user,ana,aggregation,F2,HOLD,Deny,x", "user,nobody,class,,HOLD,deny,x"
    )

    ran = dms("accesslist", "import", path, "--as", "olga")

    assert ran.code == 1
    assert ran.out.splitlines() == [
        "line 2: grant",
        "line 3: effect: `Deny` is no effect [VALIDATION]: write `deny`",
        f"line 4: principal: there is no user `nobody` [NOT_FOUND]: {NOT_KNOWN}",
        "line 4: node_code: it does not say which class [VALIDATION]: give its code, or its id",
        "1 grant, 0 revoke, 0 keep, 2 refused: nothing was written",
    ]


def test_exported_file_goes_back_in(dms, tmp_path):
    output = tmp_path / "lists.csv"
    dms("accesslist", "export", str(output), "--of", "F1", "--as", "olga")

    ran = dms("accesslist", "import", str(output), "--as", "olga", "--json")

    assert (ran.code, ran.json()["refused"]) == (0, 0)
    assert ran.json()["keeps"] == len(rows(output.read_text()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("größer".encode("latin-1"), "dms: csv: the file is not in UTF-8: save it as `CSV UTF-8`\n"),
        (b"a;b", "dms: csv: the cells are separated by ';': save it with commas\n"),
        (b"x" * 8_000_001, "dms: the file has more than 8000000 bytes: split it into several\n"),
    ],
)
def test_file_that_cannot_be_read_is_refused(dms, tmp_path, content, message):
    path = tmp_path / "changes.csv"
    path.write_bytes(content)

    ran = dms("accesslist", "import", str(path), "--as", "olga")

    assert (ran.code, ran.out, ran.err) == (1, "", message)


def test_review_prints_each_finding_with_its_remedy(dms, archive):
    world = archive["world"]
    entry = world.entry(world.user(), archive["other"], Action.DISPOSE, until=system_clock() - 1)
    shown = global_id(Kind.ACCESS_ENTRY, entry)

    ran = dms("accesslist", "review", "--as", "olga", "--json")
    lines = dms("accesslist", "review", "--as", "olga", "--kind", "expired", "--unused-days", "10")
    sheet = dms("accesslist", "review", "--as", "olga", "--kind", "expired", "--csv")

    (found,) = [each for each in ran.json()["findings"] if each["id"] == shown]
    assert (ran.code, found["kind"], found["node_code"], found["action"]) == (0, "expired", "F2", "DISPOSE")
    assert found["remedy"] == "revoke it: it gives nothing any more, and clutters the list"
    assert f"allow DISPOSE on F2 ({shown})" in lines.out
    assert [row["id"] for row in rows(sheet.out)] == [shown]
    assert lines.out.endswith("1 findings\n")
    assert len(events(archive, "accessfinding.list")) >= 4


def test_review_names_the_repository_where_all_is_too_scattered(capsys):
    repository = new_id()
    finding = Finding(FindingKind.MANY_SCOPES, repository, "it is scattered", None)

    line = accessreview._line(finding, records={}, names={})
    accessreview._print_lines(iter([line]))

    shown = global_id(Kind.REPOSITORY, repository)
    assert (line["id"], line["node_kind"], line["node_id"]) == (shown, "repository", shown)
    assert capsys.readouterr().out == (
        f"many_scopes: the whole Repository ({shown})\n    it is scattered: {finding.remedy}\n1 findings\n"
    )


def test_review_is_for_reviewers(dms):
    ran = dms("accesslist", "review", "--as", "ana")

    assert (ran.code, ran.out, ran.err) == (1, "", "dms: this needs the duty `access.review`\n")
    assert dms("accesslist", "review", "--as", "olga", "--json", "--csv").code == 2
