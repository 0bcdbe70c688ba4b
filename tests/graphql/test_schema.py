"""The schema as a whole: every root field has a rule, everything is described, errors are complete."""

import pytest
import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_scalar_type,
)
from graphql import (
    build_schema as build_from_sdl,
)

from dms import __version__
from dms.base import errors as base
from dms.base.ids import Kind, parse_global_id
from dms.graphql import enums, errors
from dms.graphql.context import OPEN, Payload, payload_type
from dms.graphql.schema import build_schema, print_sdl, whole_schema
from dms.models.users import EVERYONE_ID
from dms.rules.access import Action, Duty
from dms.rules.accessevents import Op


def subclasses(kind):
    return {kind, *(below for child in kind.__subclasses__() for below in subclasses(child))}


def named_types():
    for name, kind in whole_schema().core.type_map.items():
        if not is_introspection_type(kind) and not is_specified_scalar_type(kind):
            yield name, kind


def undescribed():
    for name, kind in named_types():
        if not kind.description:
            yield name
        if isinstance(kind, GraphQLEnumType):
            yield from (f"{name}.{key}" for key, value in kind.values.items() if not value.description)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for key, field in kind.fields.items():
                if not field.description:
                    yield f"{name}.{key}"
                arguments = getattr(field, "args", {})
                yield from (
                    f"{name}.{key}({arg})" for arg, value in arguments.items() if not value.description
                )


def test_everything_in_the_schema_is_described():
    assert list(undescribed()) == []


def test_every_root_field_names_what_it_does_and_needs():
    schema = whole_schema()
    rules = {**schema.query_rules, **schema.mutation_rules}

    assert rules["serverInfo"].op is Op.SERVER_READ
    assert all(isinstance(rule.op, Op) for rule in rules.values())
    assert all(rule.needs is OPEN or isinstance(rule.needs, Action | Duty) for rule in rules.values())


def test_every_root_field_is_nullable():
    core = whole_schema().core
    fields = {**core.query_type.fields, **(core.mutation_type.fields if core.mutation_type else {})}

    assert [name for name, field in fields.items() if str(field.type).endswith("!")] == []


def test_root_field_without_a_rule_does_not_start():
    @strawberry.type
    class Careless:
        @strawberry.field
        def leak(self) -> str:
            return "all of it"

    with pytest.raises(TypeError, match="`leak` must be made with query_field or mutation_field"):
        build_schema((Careless,))


def test_sdl_is_sorted_and_readable():
    sdl = print_sdl()

    names = [
        line.split()[1]
        for line in sdl.splitlines()
        if line.startswith(("type ", "interface ", "enum ", "scalar "))
    ]
    assert names == sorted(names)
    assert sdl.endswith("}\n")
    assert build_from_sdl(sdl).query_type.name == "Query"


def test_every_expected_failure_has_a_type_of_its_own_and_the_documented_name():
    kinds = {k for k in subclasses(base.DmsError) if not issubclass(k, base.DoorError)} - {base.DmsError}
    # A storey may say more precisely what is wrong: such an error shows as its mother.
    kinds = {kind for kind in kinds if kind.__module__ == base.__name__}
    renamed = {base.Invalid: "ValidationError", base.OnHold: "HoldError"}

    shown = {kind: type(errors.user_error(made(kind))).__name__ for kind in kinds}

    assert shown == {kind: renamed.get(kind, kind.__name__ + "Error") for kind in kinds}
    assert {kind.code for kind in kinds} == set(errors.UserErrorCode)


def made(kind):
    more = {
        base.Denied: {"action": "EDIT"},
        base.State: {"state": "draft", "available": ("declare",)},
        base.Duty: {"duty": "log.read"},
    }
    return kind("no", **more.get(kind, {}))


def test_error_of_a_door_is_never_shown_in_a_payload():
    assert errors.user_error(base.NotRecorded("no event")) is None


def test_kind_of_error_that_a_query_cannot_expect_is_a_bug():
    assert errors.door_error(base.Conflict("changed")) is None


def test_state_error_carries_state_and_transitions():
    shown = errors.user_error(made(base.State))

    assert (shown.state, shown.available, shown.code) == ("draft", ["declare"], "STATE")


def test_conflict_error_carries_the_current_revision():
    assert errors.user_error(base.Conflict("changed", current_revision=4)).current_revision == 4


def test_enum_value_without_a_description_does_not_start():
    with pytest.raises(TypeError, match="`Duty` has values without a description: CLEARANCES_MANAGE"):
        enums.show(Duty, description="Offices.", values={Duty.USERS_MANAGE: "Accounts."})


def test_mutation_that_answers_no_payload_is_a_bug():
    with pytest.raises(TypeError, match="a mutation answers a Payload"):
        payload_type(str)
    assert payload_type(Payload) is Payload


def test_server_info_names_what_an_entry_for_everything_and_everybody_names(probe):
    info = probe.ask("{ serverInfo { repositoryId everyoneId } }").data["serverInfo"]

    kind, _ = parse_global_id(info["repositoryId"])
    assert kind is Kind.REPOSITORY
    assert parse_global_id(info["everyoneId"]) == (Kind.EVERYONE, EVERYONE_ID)


def test_server_info_tells_name_version_and_limits(probe):
    reply = probe.ask(
        "{ serverInfo { name version limits { bodyBytes depth pageSize seconds uploadBytes } } }"
    )

    assert reply.data["serverInfo"] == {
        "name": "Test archive",
        "version": __version__,
        "limits": {
            "bodyBytes": 262_144,
            "depth": 15,
            "pageSize": 100,
            "seconds": 10,
            "uploadBytes": 5_368_709_120,
        },
    }
