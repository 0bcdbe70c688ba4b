"""Casbin as it comes, on small policies: what a test shows to go wrong there, or to agree with ours."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import casbin
import pytest
from casbin.persist import Adapter, load_policy_line

ALLOW_AND_DENY = "some(where (p.eft == allow)) && !some(where (p.eft == deny))"


def model_text(
    *,
    policy: str = "sub, obj, act, eft",
    roles: Iterable[str] = ("g = _, _",),
    effect: str = ALLOW_AND_DENY,
    matcher: str = "g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act",
) -> str:
    """A model over requests of subject, object and action; by default roles, and deny overrides."""
    sections = {
        "request_definition": ["r = sub, obj, act"],
        "policy_definition": [f"p = {policy}"],
        "role_definition": list(roles),
        "policy_effect": [f"e = {effect}"],
        "matchers": [f"m = {matcher}"],
    }
    return "\n".join("\n".join([f"[{name}]", *lines]) for name, lines in sections.items() if lines)


class Lines(Adapter):
    """Gives an enforcer its lines from memory; they may be changed before it loads them again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = list(lines)

    def load_policy(self, model):
        for line in self.lines:
            load_policy_line(line, model)


def enforcer(lines: Iterable[str], *, model: str | None = None, kind: type = casbin.Enforcer):
    """An enforcer over lines such as `p, ana, letter, read, allow`."""
    made = casbin.Model()
    made.load_model_from_text(model or model_text())
    return kind(made, Lines(lines))


def from_files(model: Path, policy: Path | None = None):
    """An enforcer over files, as Casbin's own examples are loaded."""
    return casbin.Enforcer(str(model), *([str(policy)] if policy else []))


def goes_wrong(*shown: bool) -> None:
    """Show that stock Casbin walks into a trap; a later release may have filled it in."""
    version = metadata.version("pycasbin")
    if not all(shown) and version != "2.8.0":
        pytest.skip(f"pycasbin {version} does not show this fault of 2.8.0 any more")
    assert all(shown)
