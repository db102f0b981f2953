"""Settings: defaults, the environment, and values that do not fit."""

import pytest

from app import config
from app.core.errors import BadUsage


def test_the_defaults_are_used_when_nothing_is_set() -> None:
    assert config.load_settings({})["LTT_PORT"] == 8765
    assert {row.source for row in config.resolve_settings({})} == {"default"}


def test_the_environment_wins_over_the_default_and_an_option_over_both() -> None:
    [row] = [row for row in config.resolve_settings({"LTT_PORT": "9000"}) if row.setting.name == "LTT_PORT"]
    assert (row.value, row.source) == (9000, "environment")
    assert config.load_settings({"LTT_PORT": "9000"}, {"LTT_PORT": "9001"})["LTT_PORT"] == 9001


def test_an_empty_value_is_no_value() -> None:
    assert config.load_settings({"LTT_MAX_UPLOAD_MB": ""})["LTT_MAX_UPLOAD_MB"] == 1024


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LTT_PORT", "0"),
        ("LTT_PORT", "65536"),
        ("LTT_PORT", "80.5"),
        ("LTT_PORT", "²"),
        ("LTT_MAX_ROWS", "-1"),
        ("LTT_MAX_ROWS", "many"),
        ("LTT_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadUsage, match=name):
        config.load_settings({name: value})


def test_whether_somebody_named_a_value_can_be_told() -> None:
    assert config.is_set("LTT_PORT", {"LTT_PORT": "8765"})
    assert not config.is_set("LTT_PORT", {})
