"""Settings: each is in the README with its default and meaning, bounds are those of the API, and a mistake names its variable."""

import dataclasses
from pathlib import Path

import pytest

from syndb_graphql.api.context import Bounds
from syndb_graphql.errors import SettingsError
from syndb_graphql.settings import KNOWN_SECRETS, PREFIX, SECRETS, Settings, load_settings

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def test_the_readme_lists_every_setting_with_its_default_and_meaning():
    rows = [line for line in README.splitlines() if line.startswith(f"| `{PREFIX}")]
    expected = []
    for name, setting in Settings.model_fields.items():
        default = ",".join(setting.default) if isinstance(setting.default, tuple) else str(setting.default)
        shown = f"`{default}`" if default else "(empty)"
        assert setting.description
        expected.append(f"| `{PREFIX}{name.upper()}` | {shown} | {setting.description} |")
    assert rows == expected


def test_a_bound_has_the_same_default_as_a_setting_and_in_the_api():
    for bound in dataclasses.fields(Bounds):
        assert Settings.model_fields[bound.name].default == bound.default, bound.name


def test_settings_come_from_the_environment_and_the_command_line_wins(monkeypatch):
    monkeypatch.setenv("SYNDB_PORT", "8080")
    monkeypatch.setenv("SYNDB_HOST", "::1")
    monkeypatch.setenv("syndb_owner", "harwell lab")
    settings = load_settings(port=9000, host=None)
    assert (settings.port, settings.host, settings.owner) == (9000, "::1", "harwell lab")


def test_a_list_is_separated_by_commas(monkeypatch):
    monkeypatch.setenv("SYNDB_CORS_ORIGINS", "https://a.example, https://b.example,")
    monkeypatch.setenv("SYNDB_SECRET_KEYS", f"{'new' * 12},{'old' * 12}")
    settings = load_settings()
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.secret_keys == ("new" * 12, "old" * 12)


def test_settings_do_not_change_once_read():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


@pytest.mark.parametrize(
    ("name", "meant"),
    [("SYNDB_PROT", "SYNDB_PORT"), ("SYNDB_MAX_PAGESIZE", "SYNDB_MAX_PAGE_SIZE"), ("syndb_dta", "SYNDB_DATA")],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(name, meant, monkeypatch):
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=f"^{name} is no setting. Did you mean '{meant}'"):
        load_settings()


def test_a_name_like_no_other_is_refused_as_well(monkeypatch):
    monkeypatch.setenv("SYNDB_QUITE_ANOTHER_THING", "1")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value) == "SYNDB_QUITE_ANOTHER_THING is no setting. All are listed in the README."


BAD = {
    "SYNDB_OWNER": ["", "x" * 101],
    "SYNDB_PORT": ["http", "-1", "65536", "80.5", ""],
    "SYNDB_SECRET_KEYS": ["short"],
    "SYNDB_LINK_LIFETIME_S": ["0", "604801", "an hour"],
    "SYNDB_VERSION_RETENTION_H": ["-1", "8761", "nan"],
    "SYNDB_MAX_DEPTH": ["0"],
    "SYNDB_COST_LIMIT": ["0", "1e3x"],
    "SYNDB_MAX_PAGE_SIZE": ["0", "100001"],
    "SYNDB_REQUEST_TIMEOUT_S": ["0", "601", "nan"],
    "SYNDB_STORE_TIMEOUT_S": ["0", "inf"],
    "SYNDB_STORE": ["postgres", ""],
    "SYNDB_CASSANDRA_HOSTS": ["", " , "],
    "SYNDB_CASSANDRA_KEYSPACE": ["", "a-b", 'x"; drop', "x" * 49],
    "SYNDB_CASSANDRA_DATACENTER": ["", "it's"],
    "SYNDB_CASSANDRA_REPLICATION": ["0", "10"],
    "SYNDB_CASSANDRA_CONSISTENCY": ["quorum", "ANY", "SERIAL"],
    "SYNDB_CASSANDRA_TLS": ["perhaps"],
    "SYNDB_FILES": ["minio", ""],
    "SYNDB_S3_REGION": ["", "eu west"],
    "SYNDB_S3_BUCKET": ["", "Syndb", "ab", "a/b", "x" * 64],
    "SYNDB_S3_PREFIX": ["graph", "/", "../", "a//", "a b/"],
    "SYNDB_S3_TIMEOUT_S": ["0", "inf"],
    "SYNDB_S3_CONNECTIONS": ["0", "257"],
    "SYNDB_START_TIMEOUT_S": ["-1", "nan"],
    "SYNDB_DEMO": ["perhaps"],
    "SYNDB_LOG_LEVEL": ["loud", ""],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_is_refused_with_the_variable_and_what_was_found(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    said = str(refused.value)
    assert said.startswith(f"{name}: ")
    assert "pydantic" not in said
    assert (f"(it is {value!r})" in said) is (name != "SYNDB_SECRET_KEYS")


def test_a_number_without_a_number_is_refused_for_every_setting_of_numbers(monkeypatch):
    numbers = [name for name, setting in Settings.model_fields.items() if setting.annotation in (int, float)]
    assert len(numbers) > 15
    for name in numbers:
        monkeypatch.setenv(PREFIX + name.upper(), "many")
        with pytest.raises(SettingsError, match=f"^{PREFIX}{name.upper()}: .*'many'"):
            load_settings()
        monkeypatch.delenv(PREFIX + name.upper())


def test_a_secret_never_comes_into_a_message(monkeypatch):
    monkeypatch.setenv("SYNDB_SECRET_KEYS", f"{'s3cret' * 8},short")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "s3cret" not in str(refused.value)
    assert "at least 32 characters" in str(refused.value)
    assert "s3cret" not in repr(refused.value.__cause__)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("secret", [word + "x" * 32 for word in KNOWN_SECRETS] + ["MinioAdmin" + "-" * 32])
def test_a_secret_that_everyone_knows_is_for_a_demo_alone(name, secret, monkeypatch):
    variable = PREFIX + name.upper()
    monkeypatch.setenv(variable, secret)
    with pytest.raises(SettingsError, match=f"^{variable}: this secret is one that everyone knows") as refused:
        load_settings()
    assert secret not in str(refused.value)
    monkeypatch.setenv("SYNDB_DEMO", "true")
    assert secret in getattr(load_settings(), name)
