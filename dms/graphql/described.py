"""What Documents and Aggregations show alike."""

from __future__ import annotations

from datetime import date

import strawberry

from dms.base.clock import Instant
from dms.graphql.nodes import Node
from dms.graphql.principals import Principal
from dms.graphql.words import Action


@strawberry.type(description="A Document or Aggregation.")
class Described(Node):
    """What both show alike; each inherits from it and adds its own."""

    revision: int = strawberry.field(description="Raised by every change; name it when you change it.")
    first_day: date | None = strawberry.field(
        description="The first day that the dates cover; null if open. Needs READ_METADATA."
    )
    last_day: date | None = strawberry.field(
        description="The last day that the dates cover; null if open. Needs READ_METADATA."
    )
    updated_at: Instant | None = strawberry.field(
        description="When it was last changed. Needs READ_METADATA."
    )
    updated_by: Principal | None = strawberry.field(
        description="Who last changed it; none if a command did. Needs READ_METADATA."
    )
    available_transitions: list[str] = strawberry.field(
        description="What its state permits and you may do: the verbs of mutations, by alphabet, such as "
        "`declare` for `documentDeclare`; `file` is to put something into it. Empty without READ_METADATA."
    )
    viewer_actions: list[Action] = strawberry.field(description="The actions that you have on it.")
