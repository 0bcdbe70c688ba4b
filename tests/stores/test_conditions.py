"""Filters as SQL: nothing that a filter says is taken for something else."""

from __future__ import annotations

import pytest

from dms.models.aggregations import Aggregation
from dms.rules.filters import Leaf, Operator
from dms.stores import conditions


def test_a_field_without_a_tree_has_nothing_below_it():
    meaning = conditions.text_key(Aggregation.title_key, str.lower)

    with pytest.raises(ValueError, match="^`below` is not a comparison with a value$"):
        meaning(Leaf("title", Operator.BELOW, ("x",)))
