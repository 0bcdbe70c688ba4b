"""The policy files and Casbin's core, which takes every decision that lets data out.

The only module that imports casbin. One enforcer per thread decides on a slice of lines that is
replaced for each decision; nothing is loaded, reloaded or kept (`access.md` sections 2 and 9).
"""

from __future__ import annotations

import hashlib
import logging
import threading
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import casbin
from casbin.util.expression import SimpleEval

from dms.base import resources
from dms.base.errors import ConfigurationError, Unavailable
from dms.rules import roles as rules
from dms.rules.access import Action, Duty, Line, Subject, Target, bears, live
from dms.rules.security import Mark, dominates

_alarm = logging.getLogger("dms.alarm")

logging.getLogger("casbin").setLevel(logging.CRITICAL)  # it would write requests into the log


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """A role as `roles.toml` gives it."""

    name: str
    title: str
    duties: frozenset[Duty]
    actions: frozenset[Action]


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """The policy of an installation outside the database, read once at start."""

    model_text: str
    roles: Mapping[str, RoleDefinition]
    exclusive: frozenset[frozenset[str]]
    operator_duties: frozenset[Duty]
    sha256: str


def read_files(folder: Path | None = None) -> PolicyFiles:
    """Read `model.conf` and `roles.toml`; `ConfigurationError` if anything in them is unknown."""
    place = folder or resources.folder("policies")
    try:
        model = (place / "model.conf").read_bytes()
        roles = (place / "roles.toml").read_bytes()
        table = tomllib.loads(roles.decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"the policy files in `{place}` cannot be read: {error}") from error
    if found := rules.problems(table):
        # A misspelt key would be passed over: separation of duties could vanish without a word.
        raise ConfigurationError(f"`roles.toml` cannot be used: {'; '.join(found)}")
    digest = hashlib.sha256(hashlib.sha256(model).digest() + hashlib.sha256(roles).digest())
    return PolicyFiles(
        model_text=model.decode("utf-8"),
        roles={name: _role(name, entry) for name, entry in table.get("role", {}).items()},
        exclusive=frozenset(frozenset(pair) for pair in table.get("exclusive", [])),
        operator_duties=_duties(table.get("operator", {})),
        sha256=digest.hexdigest(),
    )


class Policy:
    """Decides with Casbin; one enforcer per thread, made from the text read at start."""

    def __init__(self, files: PolicyFiles) -> None:
        self.files = files
        self._threads = threading.local()
        self._enforcer()  # a broken model must stop the start, not the first decision

    def permits(
        self, subject: Subject, target: Target, *, action: Action, lines: Iterable[Line], now: int
    ) -> bool:
        """Decide one request on a slice; any fault of the core is a no, an alarm and an error."""
        enforcer = self._enforcer()
        enforcer.replace_slice(lines)
        try:
            return bool(enforcer.enforce(_asking(subject), _asked(target), action, now))
        except Exception as error:
            _alarm.exception("decision_failed")
            raise Unavailable("the access decision could not be taken: try again later") from error

    def _enforcer(self) -> _SliceEnforcer:
        enforcer: _SliceEnforcer | None = getattr(self._threads, "enforcer", None)
        if enforcer is None:
            enforcer = _SliceEnforcer(_model(self.files.model_text))
            for function in (bears, live, dominates):
                enforcer.add_function(function.__name__, function)
            self._threads.enforcer = enforcer
        return enforcer


@dataclass(frozen=True, slots=True)
class _Within:
    """A set that the evaluator takes as one thing.

    It looks into each plain set for forbidden functions, member by member, whenever it meets one: two
    thirds of a decision's time.
    """

    members: frozenset[UUID]

    def __contains__(self, member: object) -> bool:
        return member in self.members


@dataclass(frozen=True, slots=True)
class _Asking:
    principals: _Within
    clearance: Mark | None


@dataclass(frozen=True, slots=True)
class _Asked:
    nodes: _Within
    security: Mark


def _asking(subject: Subject) -> _Asking:
    return _Asking(_Within(subject.principals), subject.clearance)


def _asked(target: Target) -> _Asked:
    return _Asked(_Within(target.nodes), target.security)


class _SliceEnforcer(casbin.Enforcer):  # type: ignore[misc]  # casbin has no types
    """Keeps the parsed matcher, and its policy is one slice at a time."""

    def __init__(self, model: Any) -> None:  # casbin's model
        self._parsed: dict[str, SimpleEval] = {}
        super().__init__(model)
        # An empty policy would run the matcher once with empty strings: no principal equals this.
        self._sentinel = ("", object(), "", Action.DISCOVER, 0, 0, "deny")

    def replace_slice(self, lines: Iterable[Line]) -> None:
        """Make these lines, or the sentinel where there are none, the policy of the next decision."""
        rows: list[tuple[Any, ...]] = [
            (
                line.id,
                line.principal_id,
                line.node_id,
                line.action,
                line.valid_from,
                line.valid_until,
                line.effect,
            )
            for line in lines
        ]
        self.model["p"]["p"].policy = rows or [self._sentinel]

    def _get_expression(self, expr: str, functions: Any = None) -> SimpleEval:
        parsed = self._parsed.get(expr)
        if parsed is None:
            parsed = self._parsed[expr] = casbin.Enforcer._get_expression(expr, functions)  # noqa: SLF001
        return parsed


def _model(text: str) -> Any:  # casbin's model
    model = casbin.Model()
    try:
        model.load_model_from_text(text)
    except Exception as error:
        raise ConfigurationError(f"`model.conf` is not a Casbin model: {error}") from error
    return model


def _role(name: str, entry: Mapping[str, Any]) -> RoleDefinition:
    actions = frozenset(Action(action) for action in entry.get("actions", []))
    return RoleDefinition(name, entry.get("title", name), _duties(entry), actions)


def _duties(entry: Mapping[str, Any]) -> frozenset[Duty]:
    return frozenset(Duty(duty) for duty in entry.get("duties", []))
