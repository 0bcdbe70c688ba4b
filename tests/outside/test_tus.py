"""Uploads in parts by the JavaScript client of tus: cut in the middle, resumed, byte for byte the same."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import closing
from uuid import UUID

import pytest
from sqlalchemy import select

from dms.base.settings import Settings
from dms.house import open_house
from dms.models.versions import Upload
from dms.services import uploads
from dms.stores import sealedblobs, upkeep
from tests.outside.live import HERE, live

SECONDS = 120
SIZE = 48 * 1_048_576

pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and (HERE / "node_modules" / "tus-js-client").is_dir()),
    reason="needs Node 20 and tus-js-client: `make outside` installs it",
)


@pytest.mark.parametrize("chunk", ["", "5000000"], ids=["one part", "parts of 5 MB"])
def test_an_upload_that_is_cut_goes_on_and_arrives_whole(tmp_path, chunk):
    with live(tmp_path) as server:
        environment = {"SIZE": str(SIZE), "CUT_AT": str(SIZE // 3), "CHUNK": chunk}
        ended = subprocess.run(
            ["node", "tus.mjs"],
            cwd=HERE,
            env={**server.environment("technician"), **environment},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        seen = json.loads(ended.stdout)

    kept = stored(tmp_path, seen["url"])
    assert 0 < seen["resumedAt"] < SIZE
    assert kept == [(SIZE, seen["sha256"])]


def stored(folder, url):
    """Size and digest of what the store holds of an upload, opened again from nothing."""
    chosen = UUID(url.rpartition("/")[2])
    settings = Settings(home=folder / "var", password_preset="test")
    with closing(open_house(settings)) as house:
        with upkeep.reading(house.database) as connection:
            rows = connection.execute(select(Upload.__table__)).all()
        found = [row for row in rows if row.id == uploads.row_id(row.owner_id, chosen)]
        for row in found:
            house.vault.verify(sealedblobs.of_upload(row))
        return [(row.plain_bytes, row.plain_sha256) for row in found]
