"""Settings: where they come from, what wins, and that a mistake is named."""

from __future__ import annotations

from dataclasses import fields

import pytest

from portal.settings import SettingError, Settings, load


def given(tmp_path, toml: str | None = None, **environ: str) -> Settings:
    if toml is not None:
        (tmp_path / "settings.toml").write_text(toml, encoding="utf-8")
    return load({"INSTANCE": str(tmp_path)}, {f"PORTAL_{name}": value for name, value in environ.items()})


def test_without_anything_the_defaults_hold(tmp_path):
    found = given(tmp_path)
    assert {item.name: getattr(found, item.name) for item in fields(Settings) if item.name != "INSTANCE"} == {
        item.name: item.default for item in fields(Settings) if item.name != "INSTANCE"
    }


def test_the_environment_wins_over_the_file_and_what_is_given_over_both(tmp_path):
    found = given(tmp_path, 'port = 9000\nsite_name = "潞桥"', PORT="9001")
    assert (found.PORT, found.SITE_NAME) == (9001, "潞桥")
    assert load({"INSTANCE": str(tmp_path), "PORT": 9002}, {"PORTAL_PORT": "9001"}).PORT == 9002


def test_the_instance_folder_comes_from_the_environment_too(tmp_path):
    (tmp_path / "settings.toml").write_text("threads = 3", encoding="utf-8")
    found = load(None, {"PORTAL_INSTANCE": str(tmp_path)})
    assert (found.INSTANCE, found.THREADS) == (str(tmp_path), 3)


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("true", True), ("yes", True), ("on", True), ("0", False), ("false", False), ("no", False), ("off", False)]
)
def test_yes_and_no_in_words(tmp_path, text, value):
    assert given(tmp_path, HTTPS=text).HTTPS is value
    assert given(tmp_path, HTTPS=text.upper()).HTTPS is value


@pytest.mark.parametrize(("name", "value"), [("PORT", "eighty"), ("HTTPS", "maybe"), ("FACET_SECONDS", "soon"), ("PORT", "8000.5")])
def test_a_value_of_the_wrong_kind_is_named(tmp_path, name, value):
    with pytest.raises(SettingError, match=f"PORTAL_{name}.*{value}"):
        given(tmp_path, **{name: value})


def test_an_unknown_name_is_named(tmp_path):
    with pytest.raises(SettingError, match="prot"):
        given(tmp_path, "prot = 8000")
    with pytest.raises(SettingError, match="PROT"):
        load({"INSTANCE": str(tmp_path / "empty"), "PROT": 1}, {})


def test_every_setting_says_what_it_means():
    assert [item.name for item in fields(Settings) if not item.metadata.get("meaning")] == []


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("", "sqlite:///{folder}/portal.sqlite3"),
        ("postgresql://u:p@h/n", "postgresql+psycopg://u:p@h/n"),
        ("postgresql+psycopg://u:p@h/n", "postgresql+psycopg://u:p@h/n"),
    ],
)
def test_the_address_of_the_database(tmp_path, url, wanted):
    assert given(tmp_path, DATABASE_URL=url).database_url() == wanted.format(folder=tmp_path)
