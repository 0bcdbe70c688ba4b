"""Selection sets compiled to functions, so that plain values reach an answer without the stock executor.

A function is written for the fields of an object that are attributes, or objects and lists of such. It
holds names of the schema only; what a caller chose enters as a constant. Everything else stays with
graphql-core: fields with resolvers or arguments, and every object at which the function fails, so that
errors, their paths and the spreading of null are graphql-core's own (`api.md` section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    GraphQLAbstractType,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    Undefined,
    VariableNode,
    Visitor,
    get_named_type,
    is_abstract_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    visit,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from dms.graphql.shaping import ROWS, TimedContext

MOST_FIELDS = 500
"""Fields that are written for one text, for whatever its variables include; what is more is executed without.

A field takes some 75 us to write, which happens once, and 300 bytes to keep.
"""

Details = list[FieldDetails]
Key = tuple[object, ...]


class Shape(NamedTuple):
    """How an object of one type is shown at one place of a text."""

    read: Callable[[Any], dict[str, Any]]
    """Return all keys in order; those of `left` are still None."""
    left: tuple[tuple[str, Details], ...]
    """The fields that the stock executor resolves."""


class Aside(Exception):
    """The value is not one that a function may show: the stock executor says what is wrong with it."""


class Shapes:
    """The functions of one parsed text; made when something is shown for the second time."""

    def __init__(self, document: DocumentNode) -> None:
        self._switches = _switches(document)
        self._kept: dict[Key, Shape | None] = {}
        self._seen: set[Key] = set()
        self._left = MOST_FIELDS

    def switches(self, variables: Mapping[str, Any]) -> Key:
        """Return the values that choose what is included and skipped."""
        return tuple(variables.get(name) for name in self._switches)

    def of(
        self, executor: CompiledContext, object_type: GraphQLObjectType, details: Details, switches: Key
    ) -> Shape | None:
        """Return how an object is shown; None if the stock executor must show all of it."""
        # The text lives as long as this, so the id of a node names a place in it.
        key = (object_type.name, switches, *(id(each.node) for each in details))
        if key in self._kept:
            return self._kept[key]
        if self._left <= 0:
            return None
        if key not in self._seen:
            self._seen.add(key)
            return None
        writer = _Writer(executor, most=self._left)
        shape = self._kept[key] = writer.shape(object_type, details)
        self._left -= writer.fields
        return shape


class CompiledContext(TimedContext):
    """Executes an operation; objects are shown by the functions that the operation's context holds."""

    _switched: Key | None = None

    def complete_object_value(  # noqa: PLR0917  as graphql-core calls it
        self,
        return_type: GraphQLObjectType,
        field_details_list: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Show an object by its function, and leave to the stock executor what is not plain."""
        if position_context is None:
            shown = self._shown(return_type, field_details_list, path, result)
            if shown is not None:
                self.count_row()
                return shown
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def _shown(
        self, object_type: GraphQLObjectType, details: Details, path: Path, value: Any
    ) -> dict[str, Any] | None:
        shape = self._shape(object_type, details)
        if shape is None:
            return None
        try:
            shown = shape.read(value)
        except Exception:  # noqa: BLE001  nothing has happened yet: the stock executor tells why
            return None
        for name, each in shape.left:
            place = Path(path, name, object_type.name)
            shown[name] = self.execute_field(object_type, value, each, place, None)
        return shown

    def _shape(self, object_type: GraphQLObjectType, details: Details) -> Shape | None:
        shapes: Shapes = self.context_value.shapes
        if self._switched is None:
            self._switched = shapes.switches(self.variable_values.coerced)
        try:
            return shapes.of(self, object_type, details, self._switched)
        except GraphQLError:  # a directive's variable is null: told at the place that is reached first
            return None


class _Writer:
    """Writes the functions of one object and of the objects in it."""

    def __init__(self, executor: CompiledContext, *, most: int) -> None:
        self.fields = 0
        """How many were written."""
        self._most = most
        self._executor = executor
        self._functions: list[str] = []
        self._names: dict[str, Any] = {"Aside": Aside, "Undefined": Undefined}

    def shape(self, object_type: GraphQLObjectType, details: Details) -> Shape | None:
        """Return how an object is shown; None if the stock executor must show all of it."""
        written = None if self._executor.middleware_manager else self.whole(object_type, details)
        if written is None or self.fields > self._most:
            return None
        name, left = written
        exec("\n".join(self._functions), self._names)  # noqa: S102  names of the schema and our own only
        return Shape(self._names[name], left)

    def whole(
        self, object_type: GraphQLObjectType, details: Details
    ) -> tuple[str, tuple[tuple[str, Details], ...]] | None:
        """Write the function of an object; return its name and the fields that it leaves."""
        if any(each.defer_usage or each.fragment_variable_values for each in details):
            return None
        fields = self._executor.collect_subfields(object_type, details)
        self.fields += len(fields.grouped_field_set)
        if fields.new_defer_usages or self.fields > self._most:
            return None
        definition = object_type.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if definition is None:  # of introspection
            return None
        body = [_guard(self._constant(definition.origin) if object_type.is_type_of else None)]
        items: list[str] = []
        left: list[tuple[str, Details]] = []
        for number, (key, found) in enumerate(fields.grouped_field_set.items()):
            lines = self._field(object_type, found, variable := f"v{number}")
            if lines is None:
                left.append((key, found))
            body += lines or ()
            items.append(f"{self._constant(key)}: {'None' if lines is None else variable}")
        body.append(f"return {{{', '.join(items)}}}")
        return self._function("o", body), tuple(left)

    def _field(self, object_type: GraphQLObjectType, details: Details, variable: str) -> list[str] | None:
        """Write how one field is read into a variable; None if it is not plain."""
        node = details[0].node
        if node.name.value == "__typename":
            return [f"{variable} = {self._constant(object_type.name)}"]
        field = self._executor.schema.get_field(object_type, node.name.value)
        attribute = None if field is None else _attribute(object_type, field)
        if field is None or attribute is None or node.arguments:
            return None
        lines = self._value(field.type, variable, details)
        return None if lines is None else [f"{variable} = o.{attribute}", *lines]

    def _value(self, type_: GraphQLOutputType, variable: str, details: Details) -> list[str] | None:
        """Write how a value becomes what is shown of it."""
        if is_non_null_type(type_):
            lines = self._present(type_.of_type, variable, details)
            return None if lines is None else [f"if {variable} is None: raise Aside", *lines]
        lines = self._present(type_, variable, details)
        return None if lines is None else [f"if {variable} is not None:", *(f"    {line}" for line in lines)]

    def _present(self, type_: GraphQLOutputType, variable: str, details: Details) -> list[str] | None:
        if is_list_type(type_):
            item = self._value(type_.of_type, "v", details)
            if item is None:
                return None
            one = self._function("v", [*item, "return v"])
            # What is long is shown object by object, so that the deadline is kept in its midst.
            most = (
                [] if is_leaf_type(get_named_type(type_)) else [f"if len({variable}) > {ROWS}: raise Aside"]
            )
            return [
                f"if {variable}.__class__ is not list and {variable}.__class__ is not tuple: raise Aside",
                *most,
                f"{variable} = [{one}(each) for each in {variable}]",
            ]
        if is_leaf_type(type_):
            return self._leaf(type_, variable)
        if is_abstract_type(type_):
            return self._one_of(type_, variable, details)
        if not is_object_type(type_):
            return None
        written = self.whole(type_, details)
        if written is None or written[1]:
            return None
        return [f"{variable} = {written[0]}({variable})"]

    def _one_of(self, type_: GraphQLAbstractType, variable: str, details: Details) -> list[str] | None:
        """Write the choice among the functions of all types that the value may have."""
        chosen = []
        for each in self._executor.schema.get_possible_types(type_):
            written = self.whole(each, details)
            if written is None or written[1] or not each.is_type_of:
                return None
            origin = each.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].origin
            chosen.append(f"{self._constant(origin)}: {written[0]}")
        table = self._constant(None)  # filled by the line below, once the functions are there
        self._functions.append(f"{table} = {{{', '.join(chosen)}}}")
        return [
            f"if {variable}.__class__ not in {table}: raise Aside",
            f"{variable} = {table}[{variable}.__class__]({variable})",
        ]

    def _leaf(self, type_: GraphQLLeafType, variable: str) -> list[str]:
        if type_.name in _TESTS:
            return [f"if not ({_TESTS[type_.name].format(variable)}): raise Aside"]
        if is_enum_type(type_):
            return [f"{variable} = {self._constant(_members(type_))}[{variable}]"]
        return [
            f"if {variable} is Undefined or isinstance({variable}, Exception): raise Aside",
            f"{variable} = {self._constant(type_.coerce_output_value)}({variable})",
            f"if {variable} is None or {variable} is Undefined: raise Aside",
        ]

    def _constant(self, value: object) -> str:
        name = f"c{len(self._names)}"
        self._names[name] = value
        return name

    def _function(self, argument: str, body: Sequence[str]) -> str:
        name = f"f{len(self._functions)}"
        self._functions.append("\n    ".join((f"def {name}({argument}):", *body)))
        return name


def _guard(origin: str | None) -> str:
    """Write what an object must be: of a class, or anything that may be one."""
    if origin is None:
        return "if o is None or o is Undefined or isinstance(o, Exception): raise Aside"
    return f"if o.__class__ is not {origin}: raise Aside"


_TESTS = {
    "String": "isinstance({0}, str)",
    "ID": "isinstance({0}, str)",
    "Boolean": "{0}.__class__ is bool",
    "Int": "{0}.__class__ is int and -2147483648 <= {0} <= 2147483647",
}
"""Of which values graphql-core's own scalars show as they are."""


def _attribute(object_type: GraphQLObjectType, field: GraphQLField) -> str | None:
    """Return the attribute that a field shows; None if something else is done to get it."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryField) or not definition.is_basic_field or field.args:
        return None
    if definition.default_resolver is not getattr or not definition.python_name.isidentifier():
        return None
    origin = object_type.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].origin
    if isinstance(getattr(origin, definition.python_name, None), property):
        return None
    return definition.python_name


def _members(type_: GraphQLEnumType) -> Mapping[Any, str]:
    """Return the name that each member of an enum is shown by."""
    definition = type_.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return {member: type_.coerce_output_value(member) for member in definition.wrapped_cls}


def _switches(document: DocumentNode) -> tuple[str, ...]:
    """Return the variables that stand in directives: what is shown depends on their values."""
    found = _InDirectives()
    visit(document, found)
    return tuple(sorted(found.names))


class _InDirectives(Visitor):
    """Collects the variables that stand in directives."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: Any, *_of: object) -> None:
        """Look at the arguments of a directive."""
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)
