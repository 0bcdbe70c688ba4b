"""A desk at which users read and write through the use cases, and rows are read past the gate."""

from __future__ import annotations

from dataclasses import dataclass

from dms.access import reading
from dms.app import House
from tests.factories import World, actor
from tests.recorded import last_of


@dataclass
class Desk:
    """`desk.do(user, aggregations.close, id, reason=..)`, `desk.see(user, aggregationviews.page, ..)`."""

    house: House
    world: World

    def do(self, user, use_case, *arguments, **options):
        """Write as a user."""
        return self.house.works.write(
            actor(user), lambda work: use_case(work, *arguments, **options), locks=("aggregation",)
        )

    def see(self, user, use_case, *arguments, **options):
        """Read as a user."""
        return self.house.works.read(actor(user), lambda work: use_case(work, *arguments, **options))

    def look(self, model, row_id):
        """The row itself; None if there is none."""
        rows = self.world.build(lambda work: reading.rows_of(work, model, [row_id]))
        return rows[0] if rows else None

    def event(self, user):
        """The newest event of a user."""
        return last_of(self.house, user)
