"""Suggestions for mistyped names."""

from model.suggest import did_you_mean


def test_the_nearest_name_is_named() -> None:
    assert did_you_mean("epoch", ["lr", "epochs", "seed"]) == "did you mean 'epochs'? "


def test_no_suggestion_if_no_name_is_similar() -> None:
    assert did_you_mean("zzz", ["lr", "epochs"]) == ""
