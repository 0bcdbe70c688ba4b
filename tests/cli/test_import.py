"""`dms import` as the shell runs it: hostile folders, exit codes, and death at any moment."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import resource
import signal
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import hypothesis
import pytest
from sqlalchemy import select

from dms.base.settings import Settings
from dms.house import House, open_house
from dms.models.documents import Document
from dms.models.imports import ImportLine, ImportRun, RunEnding
from dms.models.security import Compartment
from dms.models.users import Principal, PrincipalStatus
from dms.models.versions import Blob, BlobKey, ContentFile, Version
from dms.rules.access import Action
from dms.stores.vault import SealedBlob
from dms.stores.work import session_of
from tests import forked
from tests.cli.damages import Recorded
from tests.factories import World
from tests.recorded import events_of

LINK = "a symbolic link: import what it points to from where it lies"


@dataclass
class Archive:
    """An installation with a clerk who may file into `T1`, and a folder to import."""

    settings: Settings
    house: House
    root: Path
    clerk: UUID
    target: UUID

    def put(self, path, content=b"x"):
        """A file of the folder."""
        name = path if isinstance(path, str) else os.fsdecode(path)
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def rows(self, statement):
        """Rows past the gate."""
        with self.house.database.engine.connect() as connection:
            return connection.execute(statement).all()

    def filed(self):
        """What was filed: (original name, content) of every Version, each checked against its seal."""
        statement = (
            select(
                Document.original_name,
                Blob.id,
                Blob.stored_digest,
                Blob.stored_bytes,
                Blob.plain_sha256,
                Blob.plain_bytes,
                BlobKey.kek,
                BlobKey.wrapped,
            )
            .join(Version, Version.document_id == Document.id)
            .join(ContentFile, ContentFile.version_id == Version.id)
            .join(Blob, Blob.id == ContentFile.blob_id)
            .join(BlobKey, BlobKey.blob_id == Blob.id)
            .where(Document.aggregation_id == self.target)
        )
        return sorted((name, self._content(SealedBlob(*rest))) for name, *rest in self.rows(statement))

    def process(self, *before, arguments=(), **options):
        """Import the folder in a process of its own."""
        given = {
            "DMS_HOME": str(self.settings.home),
            "DMS_DATABASE_URL": self.settings.database_url,
            "DMS_PASSWORD_PRESET": "test",
        }
        env = {**os.environ, **{name: value for name, value in given.items() if value}}
        command = ("import", str(self.root), "--into", "T1", "--as", "clerk")
        return forked.run(*before, *command, *arguments, env=env, **options)

    def victim(self, moment, number, deed, *arguments):
        """Import in a process to which something happens."""
        return self.process(moment, str(number), deed, arguments=arguments, module="tests.cli.import_victim")

    def _content(self, blob):
        self.house.vault.verify(blob)
        return b"".join(self.house.vault.read(blob, start=0, length=blob.plain_bytes))


@pytest.fixture
def archive(dms, fresh_settings, tmp_path):
    assert dms("migrate").code == 0
    with contextlib.closing(open_house(fresh_settings)) as house:
        world = Recorded(house)
        clerk = world.user("clerk")
        target = world.aggregation(reference_code="T1")
        for action in (Action.FILE, Action.EDIT, Action.READ_CONTENT):
            world.entry(clerk, target, action)
        root = tmp_path / "in"
        root.mkdir()
        yield Archive(fresh_settings, house, root, clerk, target)


@pytest.fixture
def take_in(dms, archive):
    """`dms import` of the folder."""
    return lambda *arguments: dms("import", str(archive.root), "--into", "T1", "--as", "clerk", *arguments)


HOSTILE = {
    b"plain.txt": ("plain.txt", "plain"),
    b"R\xe9sum\xe9.doc": (r"R\xe9sum\xe9.doc", "R\ufffdsum\ufffd"),
    "photo\u202egpj.exe".encode(): (r"photo\u202egpj.exe", "photogpj"),
    b"two\nlines\tand\x07bell.txt": (r"two\u000alines\u0009and\u0007bell.txt", "twolinesandbell"),
    rb"..\..\etc\passwd": (r"..\\..\\etc\\passwd", "passwd"),
    b"...": ("...", "..."),
    b" ": (r"\u0020", r"\u0020"),
    b"-rf": ("-rf", "-rf"),
    b"~": ("~", "~"),
    b"a;rm -rf $HOME`x`.txt": ("a;rm -rf $HOME`x`.txt", "a;rm -rf $HOME`x`"),
    b"n" * 251 + b".txt": ("n" * 251 + ".txt", "n" * 251),
    "\u00e9".encode() * 127: ("\u00e9" * 127, "\u00e9" * 127),
    b"d" * 200 + b"/" + b"e" * 200: ("d" * 200 + "/" + "e" * 200, "e" * 200),
    "\u05d0\u05d1.txt".encode(): ("\u05d0\u05d1.txt", "\u05d0\u05d1"),
    "\U0001f468\u200d\U0001f469.png".encode(): (
        "\U0001f468\u200d\U0001f469.png",
        "\U0001f468\u200d\U0001f469",
    ),
}


def test_hostile_names_are_all_filed_and_none_reaches_the_disk_or_the_screen(archive, take_in):
    for name in HOSTILE:
        archive.put(name, name)
    around = sorted(archive.root.parent.iterdir())

    done = take_in()

    assert (done.code, done.err.count("Traceback")) == (0, 0)
    assert [line for line in done.out.splitlines() if "\x07" in line or "\u202e" in line] == []
    assert archive.filed() == sorted((shown, name) for name, (shown, _) in HOSTILE.items())
    titles = dict(map(tuple, archive.rows(select(Document.original_name, Document.title))))
    assert titles == dict(HOSTILE.values())
    assert sorted(archive.root.parent.iterdir()) == around
    assert take_in("--json").json()["skipped"] == len(HOSTILE)


def test_report_counts_every_file_and_names_each_that_was_not_simply_filed(archive, take_in):
    archive.put("a/one", b"one")
    archive.put("a/same", b"one")
    archive.put("empty", b"")
    (archive.root / "link").symlink_to("a/one")

    done = take_in()

    *remarks, files, filed, versions, skipped, refused, duplicates, filed_bytes, read_bytes = (
        line.strip() for line in done.out.splitlines()
    )
    assert done.code == 1
    assert remarks == [
        "duplicate: a/same: the same content as `a/one` of this folder",
        f"refused: link: {LINK}",
    ]
    assert re.fullmatch(r"4 files, all read, \d+\.\d s, \d+ files/s", files)
    assert (filed, versions, skipped, refused) == (
        "3 filed",
        "0 filed as new Versions",
        "0 skipped",
        "1 refused",
    )
    assert (duplicates, filed_bytes, read_bytes) == (
        "1 of these were duplicates",
        "6 bytes filed",
        "6 bytes read",
    )


def test_json_report_is_one_object(archive, take_in):
    archive.put("one", b"one")
    archive.put("two", b"one")
    os.mkfifo(archive.root / "pipe")

    report = take_in("--json", "--duplicates", "skip").json()

    assert report.pop("run")
    assert report.pop("seconds") > 0
    assert report.pop("filesPerSecond") > 0
    assert report == {
        "source": str(archive.root),
        "into": "T1",
        "dryRun": False,
        "ending": "complete",
        "problem": None,
        "files": 3,
        "filed": 1,
        "newVersions": 0,
        "skipped": 1,
        "refused": 1,
        "duplicates": 1,
        "filedBytes": 3,
        "readBytes": 6,
        "findingsForgotten": 0,
        "findings": [
            {"path": "pipe", "kind": "refused", "reason": "a named pipe, not a file"},
            {"path": "two", "kind": "skipped", "reason": "the same content as `one` of this folder"},
        ],
    }


def test_dry_run_files_nothing(archive, take_in):
    archive.put("one")

    done = take_in("--dry-run")

    assert done.code == 0
    assert "1 would be filed" in done.out
    assert archive.filed() == []
    assert archive.rows(select(ImportRun)) == []


def test_mark_and_class_come_from_the_command_line(archive, take_in):
    archive.put("one")
    world = World(archive.house)
    world.compartment()
    ((code,),) = archive.rows(select(Compartment.code))

    above = take_in("--security", f"open/{code}")
    done = take_in("--security", "open", "--class", "unassigned")

    assert (above.code, above.out) == (1, "")
    assert "the mark is above your own clearance: ask somebody who holds it" in above.err
    assert done.code == 0


def test_nobody_imports_for_nobody(dms, archive, monkeypatch):
    monkeypatch.delenv("DMS_AS", raising=False)

    done = dms("import", str(archive.root), "--into", "T1")

    assert (done.code, done.out) == (2, "")
    assert "say for which account: give `--as NAME`, or set DMS_AS" in done.err


def test_account_of_the_environment_counts_when_none_is_named(dms, archive, monkeypatch):
    archive.put("one")
    monkeypatch.setenv("DMS_AS", "clerk")

    assert dms("import", str(archive.root), "--into", "T1").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--as", "nobody"), 1, "there is no account `nobody`: see `dms user list`"),
        (("--into", "T9"), 1, "there is no Aggregation `T9` that `clerk` may know of"),
        (("--class", "no such"), 1, "class: there is no class `no such`: choose one"),
        (("--security", "top/x"), 1, "there is no level `top`; there are `open`"),
        (("--duplicates", "maybe"), 2, "'maybe' is not one of 'file', 'skip'"),
    ],
)
def test_what_cannot_be_is_refused_clearly(take_in, *, arguments, code, message):
    done = take_in(*arguments)

    assert (done.code, done.out) == (code, "")
    assert message in done.err


def test_disabled_account_imports_nothing(archive, take_in):
    def disable(work):
        row = session_of(work).execute(select(Principal).where(Principal.id == archive.clerk)).scalar_one()
        row.status = PrincipalStatus.DISABLED

    World(archive.house).build(disable)

    done = take_in()

    assert (done.code, done.err) == (1, "dms: the account `clerk` is disabled: choose another\n")


def test_data_folder_is_never_imported_into_itself(dms, archive, tmp_path):
    for folder in (archive.settings.home, archive.settings.home.parent, archive.settings.home / "blobs"):
        done = dms("import", str(folder), "--into", "T1", "--as", "clerk")

        assert done.code == 3
        assert "holds the data folder, or lies in it: choose another" in done.err


def test_keys_are_never_imported(dms, archive, monkeypatch, tmp_path):
    kept = tmp_path / "safe" / "keys"
    kept.parent.mkdir()
    archive.settings.key_path.rename(kept)
    monkeypatch.setenv("DMS_KEY_FILE", str(kept))

    done = dms("import", str(kept.parent), "--into", "T1", "--as", "clerk")

    assert done.code == 3
    assert "holds the key file of this installation: choose another" in done.err


def test_absent_folder_is_wrong_usage(dms, archive):
    done = dms("import", str(archive.root / "absent"), "--into", "T1", "--as", "clerk")

    assert done.code == 2


def test_events_name_account_operator_and_one_request(archive, take_in):
    archive.put("one")

    take_in()

    events = [event for event in events_of(archive.house, archive.clerk) if event["op"].startswith("import")]
    assert [event["op"] for event in events if event["changed"]] == [
        "import.start",
        "import.file",
        "import.finish",
    ]
    assert len({event["request"] for event in events}) == 1


def test_terminal_shows_a_bar_with_the_rate_and_the_report_stays_clean(archive):
    for number in range(5):
        archive.put(str(number), b"%d" % number)
    ours, theirs = pty.openpty()

    done = archive.process(stderr=theirs)

    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert re.search(r"import +\[#{24}\] 5/5, 0\.0 MB, \d+ files/s", shown)
    assert done.stdout.startswith("5 files, all read")


def test_plain_lines_elsewhere_go_to_standard_error(archive, take_in):
    archive.put("one")

    done = take_in()

    assert re.fullmatch(r"import: 1, 0\.0 MB, \d+ files/s\n", done.err)


FILES = 160

MOMENTS = [
    ("write", 70),
    ("fsync", 110),
    ("rename", 60),
    ("import_run", 1),
    ("document", 1),
    ("import_line", 2),
    ("access_event", 6),
    ("commit", 2),
    ("committed", 2),
]
"""Once in each step of an import; the later ones meet what the earlier ones left."""

IN_FILES = {"write", "fsync", "rename"}
"""Moments in the store of contents, the same beside any database: deep runs try them beside both."""

READINGS = 3
"""Readings before the first files are filed, which commit on PostgreSQL only."""


def test_killed_at_any_moment_and_run_again_every_file_is_filed_once(archive, take_in, dms):
    files = {f"{number // 10}/{number:03}": b"content %d" % number for number in range(FILES)}
    for path, content in files.items():
        archive.put(path, content)

    everywhere = hypothesis.settings.default.max_examples >= 5000 or archive.settings.is_sqlite
    for moment, number in [each for each in MOMENTS if everywhere or each[0] not in IN_FILES]:
        commits_more = archive.settings.database_url and moment.startswith("commit")
        died = archive.victim(moment, number + READINGS if commits_more else number, "kill")

        assert died.returncode == -signal.SIGKILL, (moment, number, died.stdout, died.stderr)
        filed = archive.filed()
        assert set(filed) <= set(files.items())
        assert len({name for name, _ in filed}) == len(filed)
        assert len(archive.rows(select(ImportLine.id))) == len(filed)

    before = len(archive.filed())
    done = take_in("--json")

    report = done.json()
    assert (done.code, report["filed"], report["skipped"]) == (0, FILES - before, before)
    assert 0 < before < FILES
    assert archive.filed() == sorted(files.items())
    assert dms("check").code == 0


def test_interrupt_ends_after_the_batch_with_a_report(archive, take_in):
    for number in range(40):
        archive.put(f"{number:02}", b"%d" % number)

    stopped = archive.victim("write", 20, "interrupt", "--json")

    report = json.loads(stopped.stdout)
    assert (stopped.returncode, report["ending"]) == (130, "interrupted")
    assert 0 < report["filed"] < 40
    assert len(archive.filed()) == report["filed"]
    (run,) = archive.rows(select(ImportRun.ending, ImportRun.filed))
    assert tuple(run) == (RunEnding.INTERRUPTED, report["filed"])
    assert take_in("--json").json()["filed"] == 40 - report["filed"]


def test_file_that_vanishes_is_refused_and_the_rest_filed(archive):
    for name in ("a", "b", "c"):
        archive.put(name, name.encode())

    done = archive.victim("write", 1, f"unlink:{archive.root / 'c'}")

    assert done.returncode == 1
    assert "refused: c: vanished before it was read" in done.stdout
    assert [name for name, _ in archive.filed()] == ["a", "b"]


def test_full_disk_ends_the_run_and_keeps_what_was_filed(archive, take_in):
    archive.put("a", b"small")
    archive.put("b", b"\0" * 12_000_000)
    archive.put("c", b"never reached")

    done = archive.process(limits=[(resource.RLIMIT_FSIZE, 10_000_000)])

    assert done.returncode == 3
    assert "1 files, ended early" in done.stdout
    assert "the Blob store has no room for this content: free some space" in done.stderr
    assert [name for name, _ in archive.filed()] == ["a"]
    assert list((archive.settings.home / "blobs" / "staging").iterdir()) == []
    assert take_in().code == 0
    assert [name for name, _ in archive.filed()] == ["a", "b", "c"]
