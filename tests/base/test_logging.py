from __future__ import annotations

import io
import json
import logging
import warnings

import pytest

from dms.base import logging as operational

TOKEN = "dms_s_" + "a1B2" * 12 + "Z"


@pytest.fixture
def log():
    stream = io.StringIO()
    root, ours = logging.getLogger(), logging.getLogger("dms")
    before = (root.handlers, root.level, ours.level)
    operational.configure("info", stream=stream)

    def lines():
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    lines.stream = stream
    yield lines
    root.handlers, root.level, ours.level = before
    logging.captureWarnings(False)
    logging.getLogger("uvicorn.access").disabled = False


def test_a_line_holds_instant_level_logger_code_and_fields(log):
    logging.getLogger("dms.web").info("request", extra={"request_id": "r1", "ms": 3, "account": None})

    (line,) = log()
    at = line.pop("at")
    assert at.endswith("Z")
    assert len(at) == 27
    assert line == {"level": "info", "logger": "dms.web", "code": "request", "request_id": "r1", "ms": 3}


def test_the_level_of_the_settings_decides_what_is_written(log):
    logging.getLogger("dms.web").debug("unseen")
    logging.getLogger("sqlalchemy.engine").info("unseen")
    logging.getLogger("sqlalchemy.engine").warning("a library speaks")
    logging.getLogger("uvicorn.access").error("GET /content/versions/1")

    assert [(line["code"], line["message"]) for line in log()] == [("library", "a library speaks")]


def test_debug_lets_libraries_speak(log):
    operational.configure("debug", stream=log.stream)

    logging.getLogger("library").debug("BEGIN")

    assert log()[0]["message"] == "BEGIN"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (f"look: {TOKEN}!", "look: ***!"),
        (f"Authorization: Bearer {TOKEN}", "Authorization: ***"),
        ("authorization: bearer abc.def-ghi", "authorization: ***"),
        ("Basic dXNlcjpwYXNz next", "*** next"),
        ("$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA", "***"),
        ("postgresql+psycopg://ana:geheim@db.example/dms", "postgresql+psycopg://***@db.example/dms"),
        ("https://example.org/a@b", "https://example.org/a@b"),
        ("dms_upload and dms_s_x stay", "dms_upload and dms_s_x stay"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(log, written, shown):
    logging.getLogger("library").warning(written)

    assert log()[0]["message"] == shown


def test_a_field_with_the_name_of_a_secret_is_hidden(log):
    logging.getLogger("dms.web").error(
        "refused", extra={"new_password": "seven herons", "Cookie": "a=b", "nested": {"token": TOKEN}}
    )

    (line,) = log()
    assert (line["new_password"], line["Cookie"], line["nested"]) == ("***", "***", {"token": "***"})


def test_no_text_can_forge_a_line_or_reach_a_terminal(log):
    logging.getLogger("library").warning('x\r\n{"level":"info"}\x1b[2J\x9b\u2028')

    text = log.stream.getvalue()
    assert text.count("\n") == 1
    assert not set("\r\x1b\x9b\u2028") & set(text)


def fail(text):
    raise ValueError(text)


def fail_for_another_reason(text):
    try:
        {}[text]
    except KeyError as error:
        raise ValueError(text) from error


def log_failure_of(function, text):
    try:
        function(text)
    except ValueError:
        logging.getLogger("dms.web").exception("unexpected")


def test_an_error_shows_its_type_and_places_but_not_its_message(log):
    log_failure_of(fail_for_another_reason, "Letter of the mayor")

    (line,) = log()
    assert line["error"] == "builtins.ValueError"
    assert line["causes"] == ["builtins.KeyError"]
    assert line["trace"][-1].endswith("fail_for_another_reason")
    assert "mayor" not in log.stream.getvalue()


def test_debug_shows_the_message_of_an_error_without_secrets(log):
    operational.configure("debug", stream=log.stream)

    log_failure_of(fail, f"bad {TOKEN}")

    assert log()[0]["message"] == "bad ***"


def test_warnings_of_python_are_lines_too(log):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        operational.configure("info", stream=log.stream)
        warnings.warn("old ways", UserWarning, stacklevel=1)

    assert "old ways" in log()[0]["message"]
