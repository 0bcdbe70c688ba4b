"""Settings: typed, from the environment over a file, and nothing unknown."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dms.base import settings
from dms.base.errors import ConfigurationError
from dms.base.settings import Settings, load


@pytest.fixture
def home(tmp_path):
    return tmp_path / "archive"


def refusal(environment, home) -> str:
    with pytest.raises(ConfigurationError) as error:
        load(environment, home=home)
    return str(error.value)


def write(home, text):
    home.mkdir()
    (home / "dms.toml").write_text(text, encoding="utf-8")


def test_nothing_set_gives_the_embedded_database_on_this_machine_only(home):
    loaded = load({}, home=home)

    assert loaded.is_sqlite
    assert loaded.sqlalchemy_url == f"sqlite:///{home}/dms.sqlite3"
    assert (loaded.host, loaded.port, loaded.production) == ("127.0.0.1", 8000, False)


def test_data_folder_comes_from_dms_home_and_is_var_without_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert load({"DMS_HOME": str(tmp_path / "a")}).home == tmp_path / "a"
    assert load({}).home == tmp_path / "var"


def test_environment_is_read_with_the_type_of_each_setting(home):
    environment = {
        "DMS_PORT": " 0 ",
        "DMS_PRODUCTION": "True",
        "DMS_DEADLINE_S": "2.5",
        "DMS_REPOSITORY_NAME": "Stadtarchiv Ödheim",
    }

    loaded = load(environment, home=home)

    assert (loaded.port, loaded.production, loaded.deadline_s) == (0, True, 2.5)
    assert loaded.repository_name == "Stadtarchiv Ödheim"


def test_environment_wins_over_the_file(home):
    write(home, 'port = 9000\nproduction = true\nhost = "0.0.0.0"\n')

    loaded = load({"DMS_PORT": "9001"}, home=home)

    assert (loaded.port, loaded.production, loaded.host) == (9001, True, "0.0.0.0")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("DMS_PROT", "did you mean `DMS_PORT`?"),
        ("DMS_HOSTNAME", "did you mean `DMS_HOST`?"),
        ("DMS_XYZZY", "see docs/operating/settings.md"),
    ],
)
def test_unknown_variable_is_refused_with_the_nearest_known_one(home, name, hint):
    assert refusal({name: "1"}, home) == f"unknown setting `{name}`: {hint}"


def test_unknown_name_in_the_file_is_refused(home):
    write(home, "prot = 1\n")

    assert refusal({}, home) == "unknown setting `DMS_PROT`: did you mean `DMS_PORT`?"


def test_data_folder_cannot_be_moved_by_the_file_inside_it(home):
    write(home, 'home = "/elsewhere"\n')

    assert refusal({}, home).startswith("unknown setting `DMS_HOME`")


def test_variables_of_others_and_of_the_command_line_are_left_alone(home):
    environment = {"PATH": "/bin", "DMS_AS": "ada", "DMS_TEST_DATABASE_URL": "postgresql://x/y"}

    assert load(environment, home=home) == Settings(home=home)


def test_unreadable_file_is_named(home):
    write(home, "port = \n")

    assert refusal({}, home).startswith(f"`{home}/dms.toml` is not readable TOML: ")


def test_file_that_is_no_utf8_is_named(home):
    home.mkdir()
    (home / "dms.toml").write_bytes(b'host = "\xff"')

    assert refusal({}, home).startswith(f"`{home}/dms.toml` is not readable TOML: ")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DMS_PORT", "eighty", "`DMS_PORT` must be a whole number, not `eighty`"),
        ("DMS_PORT", "", "`DMS_PORT` must be a whole number, not ``"),
        ("DMS_PORT", "65536", "`DMS_PORT` must be 65535 or less"),
        ("DMS_PORT", "-1", "`DMS_PORT` must be 0 or more, and finite"),
        ("DMS_DEADLINE_S", "soon", "`DMS_DEADLINE_S` must be a number, not `soon`"),
        ("DMS_DEADLINE_S", "nan", "`DMS_DEADLINE_S` must be 0 or more, and finite"),
        ("DMS_DEADLINE_S", "inf", "`DMS_DEADLINE_S` must be 0 or more, and finite"),
        ("DMS_PRODUCTION", "yes", "`DMS_PRODUCTION` must be true or false, not `yes`"),
        ("DMS_PASSWORD_PRESET", "none", "`DMS_PASSWORD_PRESET` must be default, strong or test"),
        ("DMS_LOG_LEVEL", "loud", "`DMS_LOG_LEVEL` must be debug, info, warning or error"),
        ("DMS_WORKER_THREADS", "0", "`DMS_WORKER_THREADS` and `DMS_QUEUE_LIMIT` must be at least 1"),
        ("DMS_QUEUE_LIMIT", "0", "`DMS_WORKER_THREADS` and `DMS_QUEUE_LIMIT` must be at least 1"),
        ("DMS_DATABASE_URL", "mysql://x/y", "`DMS_DATABASE_URL` must be empty or start with postgresql://"),
        ("DMS_DATABASE_URL", "sqlite:///x", "`DMS_DATABASE_URL` must be empty or start with postgresql://"),
    ],
)
def test_value_that_cannot_be_meant_is_refused(home, name, value, message):
    assert refusal({name: value}, home) == message


def test_cheap_passwords_are_refused_in_production(home):
    environment = {"DMS_PRODUCTION": "1", "DMS_PASSWORD_PRESET": "test"}

    assert refusal(environment, home) == "`DMS_PASSWORD_PRESET=test` is refused in the production profile"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_a_postgresql_address_uses_the_same_driver(home, scheme):
    loaded = load({"DMS_DATABASE_URL": f"{scheme}://ada:pw@db/archive"}, home=home)

    assert loaded.sqlalchemy_url == "postgresql+psycopg://ada:pw@db/archive"
    assert not loaded.is_sqlite


def test_password_of_the_database_is_not_shown_with_the_settings(home):
    loaded = load({"DMS_DATABASE_URL": "postgresql://ada:hunter2@db/archive"}, home=home)

    assert "hunter2" not in repr(loaded)


def test_keys_stand_outside_the_data_folder_so_that_a_copy_of_it_holds_none(home):
    loaded = load({}, home=home)

    assert loaded.key_path == home.parent / "archive.keys"
    assert not loaded.key_path.is_relative_to(loaded.home)
    assert loaded.blob_root == home / "blobs"


def test_key_file_stands_where_it_is_said_to_stand(home):
    assert load({"DMS_KEY_FILE": "/etc/dms/keys"}, home=home).key_path == Path("/etc/dms/keys")


def test_every_setting_says_what_it_is_for():
    fields = [field for field in dataclasses.fields(Settings) if field.name != "home"]

    assert [field.name for field in fields if not field.metadata.get("help")] == []


def test_account_to_act_for_is_taken_from_dms_as():
    assert settings.acting_account({"DMS_AS": "ada"}) == "ada"
    assert settings.acting_account({"DMS_AS": ""}) is None
    assert settings.acting_account({}) is None


def test_operator_is_the_owner_of_the_process_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setenv("USER", "somebody-else")

    assert settings.operator_name() not in {"", "somebody-else"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, True),
        ({"DMS_PRODUCTION": "true"}, False),
        ({"DMS_PRODUCTION": "true", "DMS_INTROSPECTION": "authenticated"}, True),
        ({"DMS_INTROSPECTION": "off"}, False),
        ({"DMS_INTROSPECTION": "on"}, True),
    ],
)
def test_schema_is_shown_outside_production_unless_it_is_said_otherwise(home, environment, expected):
    assert load(environment, home=home).allows_introspection is expected


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"DMS_INTROSPECTION": "yes"}, "`DMS_INTROSPECTION` must be auto, off, authenticated or on"),
        (
            {"DMS_INTROSPECTION": "on", "DMS_PRODUCTION": "true"},
            "`DMS_INTROSPECTION=on` is refused in the production profile",
        ),
        (
            {"DMS_GRAPHQL_GET": "true", "DMS_PRODUCTION": "true"},
            "`DMS_GRAPHQL_GET` is refused in the production profile",
        ),
        ({"DMS_COMPRESSION_LEVEL": "10"}, "`DMS_COMPRESSION_LEVEL` must be 9 or less"),
        ({"DMS_TRUSTED_DOCUMENTS": "on"}, "`DMS_TRUSTED_DOCUMENTS` must be off, preferred or required"),
        (
            {"DMS_TRUSTED_DOCUMENTS_SERVICES": "required"},
            "`DMS_TRUSTED_DOCUMENTS_FILE` must name a manifest where trusted documents are required",
        ),
    ],
)
def test_door_that_cannot_be_meant_is_refused_at_start(home, environment, message):
    assert refusal(environment, home) == message


def test_origins_are_told_apart_by_spaces(home):
    loaded = load(
        {"DMS_CORS_ORIGINS": " https://a.example  http://localhost:5173 http://[::1]:3000"}, home=home
    )

    assert loaded.origins == {"https://a.example", "http://localhost:5173", "http://[::1]:3000"}


@pytest.mark.parametrize(
    "origin",
    [
        *("*", "null", "https://*.example.org", "archive.example.org", "https://archive.example.org/"),
        *(
            "https://Archive.example.org",
            "https://a.example:443",
            "http://a.example:80",
            "https://a.example:0",
        ),
        *("https://a..example", "https://a.example,https://b.example", "https://user@a.example"),
    ],
)
def test_origin_that_no_browser_sends_is_refused_at_start(home, origin):
    assert refusal({"DMS_CORS_ORIGINS": f"https://good.example {origin}"}, home) == (
        f"`DMS_CORS_ORIGINS` holds `{origin}`, which no browser sends: write each as "
        "`https://archive.example.org` or `http://localhost:5173`, in lower case, without a path"
    )
