"""Files of the machine are closed to who reads content: nobody gets keys out of a reader taken over."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dms.stores.extraction import landlock

pytestmark = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")

_TRIED = """
import errno, os, sys
from dms.stores.extraction import landlock, limits
limits.confine(content_bytes=0)
assert landlock.close(landlock.ruleset(landlock.for_readers()))

def tried(step):
    try:
        step()
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]

secret = sys.argv[1]
print(tried(lambda: open(secret)), tried(lambda: os.listdir("/etc")), tried(lambda: os.truncate(secret, 0)))
print(tried(lambda: os.remove(secret)), tried(lambda: os.execv("/bin/true", ["true"])))
print("x".encode("cp1250"), tried(lambda: __import__("colorsys")))
"""


def test_reader_opens_nothing_but_the_library_of_python(tmp_path):
    secret = tmp_path / "keys"
    secret.write_text("secret")

    said = subprocess.run(
        [sys.executable, "-c", _TRIED, str(secret)], capture_output=True, text=True, check=True
    ).stdout

    assert said.splitlines() == ["EACCES EACCES EACCES", "EACCES EACCES", "b'x' done"]
    assert secret.read_text() == "secret"


def test_place_that_is_not_there_does_no_harm():
    places = landlock.for_program("/opt/reading/bin/reads", {"TESSDATA_PREFIX": "/opt/data"})

    assert {"/usr", "/opt/reading/bin", "/opt/reading/lib", "/opt/reading/share", "/opt/data"} <= set(places)
    assert "/opt/reading" not in places
