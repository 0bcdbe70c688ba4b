"""A client of tus 1.0, as small as the protocol: begins, sends parts, asks, resumes, gives up."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from dms.models.versions import Upload
from dms.services import uploads
from dms.stores import sealedblobs, upkeep

VERSION = {"Tus-Resumable": "1.0.0"}
PART = "application/offset+octet-stream"
NOISE = os.urandom(700_000)


@dataclass
class Tus:
    """One user's client at a desk of transfers."""

    desk: object
    user: object

    def __post_init__(self):
        self.headers = {**self.desk.log_in(self.user), **VERSION}

    def send(self, method, path, content=b"", **headers):
        named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        return self.desk.client.send(method, path, content=content, headers={**self.headers, **named})

    def begin(self, length, content=None, **headers):
        kind = {} if content is None else {"Content_Type": PART}
        return self.send("POST", "/uploads", content or b"", Upload_Length=length, **kind, **headers)

    def start(self, length, **headers):
        """Begin an upload and return its address."""
        answer = self.begin(length, **headers)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"]

    def patch(self, path, offset, content, **headers):
        headers = {"Content_Type": PART, **headers}
        return self.send("PATCH", path, content, Upload_Offset=offset, **headers)

    def head(self, path):
        return self.send("HEAD", path)

    def offset(self, path):
        return int(self.head(path).headers["upload-offset"])

    def resume(self, path, content, *, chunk_bytes):
        """Send the rest in chunks, from wherever the server is."""
        at = self.offset(path)
        while at < len(content):
            answer = self.patch(path, at, content[at : at + chunk_bytes])
            assert answer.status_code == 204, answer.text
            at = int(answer.headers["upload-offset"])


def checksum(content, algorithm="sha256"):
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


def told(**values):
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())


def row_of(house, tus, path, model=Upload):
    own_id = uploads.row_id(tus.user, UUID(path.rpartition("/")[2]))
    with upkeep.reading(house.database) as connection:
        return connection.execute(select(model.__table__).where(model.__table__.c.id == own_id)).one_or_none()


def content_of(house, row):
    return b"".join(house.vault.read(sealedblobs.of_upload(row), start=0, length=row.plain_bytes))
