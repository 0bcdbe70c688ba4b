"""A server whose disk fails ends by itself, in order, and says why."""

from __future__ import annotations

import pytest

from dms.base.errors import ConfigurationError
from dms.cli import server
from dms.cli.listening import listen
from tests.conftest import opened_house


@pytest.fixture
def settings(installation):
    with installation("sqlite") as made:
        with opened_house(made):
            pass
        yield made


def test_server_ends_when_a_flush_has_failed(settings, monkeypatch):
    opened = []

    def remembered(*arguments, open_house=server.open_house, **options):
        opened.append(open_house(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(server, "open_house", remembered)

    def break_the_disk():
        opened[0].log._recorder.break_off()

    with (
        listen("127.0.0.1", 0) as listening,
        pytest.raises(ConfigurationError, match="^the disk failed while events were written: see the log"),
    ):
        server._serve_alone(settings, listening, break_the_disk)
