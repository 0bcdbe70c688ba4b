"""The deadline while rows are shaped, between whose statements it is kept otherwise."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLObjectType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

ROWS = 100
"""So many objects are shaped before the deadline is looked at: a millisecond or two."""


class TimedContext(StrawberryGraphQLCoreExecutionContext):
    """Executes an operation, and stops it when its time is used up."""

    _rows = 0

    def complete_object_value(  # noqa: PLR0917  as graphql-core calls it
        self,
        return_type: GraphQLObjectType,
        field_details_list: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Show an object, if there is time for it."""
        self.count_row()
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def count_row(self) -> None:
        """Count an object that is shown; `Deadline` for this and all others once the time is used up."""
        self._rows += 1
        if self._rows >= ROWS:
            self.context_value.check_time()
            self._rows = 0
