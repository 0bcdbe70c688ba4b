"""How many examples a property tries whose examples are whole worlds in a database."""

from __future__ import annotations

import hypothesis

IS_DEEP = hypothesis.settings.default.max_examples >= 5000


def how_many(normally: int, *, deep_share: int) -> int:
    """Return as many as given, on CI too, where rules are tried six times as often; in deep runs a share."""
    return hypothesis.settings.default.max_examples // deep_share if IS_DEEP else normally


costly = hypothesis.settings(max_examples=how_many(50, deep_share=1))
"""For properties whose examples take more than a hundredth of a second: on CI as many as elsewhere."""
