"""Nodes that entries may name: whether one is ready, and making it so."""

from __future__ import annotations

from typing import Annotated

import strawberry

from dms.access.accessnodes import RESTRUCTURES
from dms.access.revisions import LOCK
from dms.graphql import enums
from dms.graphql.accesslists import asked_node
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.models.scopes import NodeState
from dms.rules.access import Action
from dms.rules.accessevents import Op
from dms.services import accessnodes

enums.show(
    NodeState,
    name="AccessNodeState",
    description="Whether access entries may name a node.",
    values={
        NodeState.FILLING: "The server prepares it piece by piece; ask again.",
        NodeState.READY: "Entries may name it, and it may be rearranged.",
    },
)


@strawberry.type(description="Whether access entries may name a node, and whether it may be rearranged.")
class AccessNode:
    """A node with its state."""

    node_id: strawberry.ID = strawberry.field(
        description="The Document, Aggregation, class, scheme or Repository."
    )
    state: NodeState | None = strawberry.field(
        description="Whether entries may name it now. Null before it was prepared: its first entry does so "
        "by itself where up to 5,000 things lie below."
    )


@strawberry.input(description="Which node is to be prepared.")
class AccessNodePrepareInput:
    """A node."""

    node_id: strawberry.ID = strawberry.field(
        description="A Document, Aggregation, class, scheme or the Repository."
    )


@strawberry.type(description="What preparing a node answers.")
class AccessNodePreparePayload(Payload):
    """The node as it is now."""

    access_node: AccessNode | None = strawberry.field(default=None, description="The node as it is now.")


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.ACCESS_NODE_READ,
        needs=Action.MANAGE_ACCESS,
        description="Whether access entries may name a node. Null if there is none, or none for you.",
    )
    def access_node(
        self,
        info: Info,
        node_id: Annotated[strawberry.ID, strawberry.argument(description="What entries would name.")],
    ) -> AccessNode | None:
        """Tell whether a node is ready."""
        kind, node = asked_node(node_id)
        return AccessNode(node_id=node_id, state=accessnodes.state(info.work, kind, node_id=node))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.ACCESS_NODE_PREPARE,
        needs=Action.MANAGE_ACCESS,
        locks=(LOCK, RESTRUCTURES),
        description="Prepare a node below which many things lie for its first access entry, or for being "
        "rearranged. Up to 5,000 things it is ready at once; else the server goes on, and `accessNode` tells "
        "when it is ready. Nothing that anybody may do changes by it.",
    )
    def access_node_prepare(
        self, info: Info, input: Annotated[AccessNodePrepareInput, INPUT]
    ) -> AccessNodePreparePayload | None:
        """Prepare a node."""
        kind, node = asked_node(input.node_id)
        state = accessnodes.prepare(info.work, kind, node_id=node)
        return AccessNodePreparePayload(access_node=AccessNode(node_id=input.node_id, state=state))
