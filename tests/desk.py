"""A desk at which users read and write through the use cases, and rows are read past the gate."""

from __future__ import annotations

from dataclasses import dataclass

from dms.access import gate, reading
from dms.base.ids import new_id
from dms.house import House
from dms.models.documents import Document
from dms.rules.access import Action
from dms.services import aggregations, uploads
from dms.services.aggregations import CODE_LOCK
from dms.services.uploads import Allowance, Content
from tests import factories
from tests.factories import World, actor
from tests.recorded import last_of

GENEROUS = Allowance(quota_bytes=10**9, quota_count=1_000, expiry_s=86_400)


@dataclass
class Desk:
    """`desk.do(user, aggregations.close, id, reason=..)`, `desk.see(user, aggregationviews.page, ..)`."""

    house: House
    world: World

    def do(self, user, use_case, *arguments, **options):
        """Write as a user; what makes codes locks as the door does."""
        locks = (CODE_LOCK,) if use_case is aggregations.create else ()
        return factories.write(
            self.house,
            actor(user),
            lambda work: use_case(work, *arguments, **options),
            like=use_case,
            locks=locks,
        )

    def see(self, user, use_case, *arguments, **options):
        """Read as a user."""
        return self.house.works.read(actor(user), lambda work: use_case(work, *arguments, **options))

    def look(self, model, row_id):
        """The row itself; None if there is none."""
        rows = self.world.build(lambda work: reading.rows_of(work, model, [row_id]))
        return rows[0] if rows else None

    def sees(self, user, document, action=Action.READ_METADATA):
        """Whether a user finds a Document that gives an action."""
        return document in self.see(user, lambda work: gate.visible(work, Document, action).many([document]))

    def upload(self, user, plain=b"Dear Sir", *, upload_id=None, media_type="text/plain", allowance=GENEROUS):
        """Send bytes as a user; returns the id of the finished upload."""
        upload_id = upload_id or new_id()
        sealed = self.content(plain, media_type=media_type)
        self.do(user, uploads.receive, upload_id, sealed, allowance=allowance)
        return upload_id

    def content(self, plain, *, media_type="text/plain"):
        """Seal bytes into the store."""
        vault = self.house.vault
        with vault.writer(new_id(), expected_bytes=len(plain)) as writer:
            writer.write(plain)
            return Content(writer.finish(), vault.store.name, media_type, "text/x-letter")

    def bytes_of(self, ref):
        """What a download of a Version gives."""
        return b"".join(self.house.vault.read(ref.blob, start=0, length=ref.blob.plain_bytes))

    def event(self, user):
        """The newest event of a user."""
        return last_of(self.house, user)
