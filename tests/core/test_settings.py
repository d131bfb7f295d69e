from __future__ import annotations

import math

import msgspec
import pytest

from napari_unet.core.settings import Settings, changed, knobs

KNOBS = list(knobs())
NUMBERS = [k for k in KNOBS if k.kind in (int, float)]


def names(many: list) -> list[str]:
    return [f"{k.group}.{k.name}" for k in many]


def through_json(settings: Settings) -> Settings:
    return msgspec.json.decode(msgspec.json.encode(settings), type=Settings)


def test_every_field_is_a_knob_once():
    fields = [
        f"{group}.{name}"
        for group in Settings.__struct_fields__
        for name in getattr(Settings(), group).__struct_fields__
    ]
    assert names(KNOBS) == fields
    assert len(set(fields)) == len(fields)


@pytest.mark.parametrize("knob", KNOBS, ids=names(KNOBS))
def test_every_knob_says_what_it_is(knob):
    assert knob.label.strip()
    assert knob.label[0].isupper()
    assert knob.tip.strip().endswith(".")
    assert knob.tip != knob.label
    assert isinstance(knob.default, knob.kind)
    if knob.choices:
        assert knob.default in knob.choices
    elif knob.kind is not bool:
        assert knob.low <= knob.default <= knob.high


def test_labels_are_unambiguous():
    labels = [k.label for k in KNOBS]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("knob", NUMBERS, ids=names(NUMBERS))
def test_bounds_hold(knob):
    step = 1 if knob.kind is int else 1e-3 * (knob.high - knob.low)
    for inside in (knob.low, knob.high):
        value = knob.kind(inside)
        kept = changed(Settings(), knob.group, **{knob.name: value})
        assert getattr(getattr(kept, knob.group), knob.name) == value
    for outside in (knob.kind(knob.low) - step, knob.kind(knob.high) + step):
        with pytest.raises(msgspec.ValidationError, match=knob.name):
            changed(Settings(), knob.group, **{knob.name: outside})
    if knob.kind is float:
        for odd in (math.nan, math.inf):
            with pytest.raises(msgspec.ValidationError):
                changed(Settings(), knob.group, **{knob.name: odd})


@pytest.mark.parametrize("knob", KNOBS, ids=names(KNOBS))
def test_wrong_types_are_refused(knob):
    wrong = 1.5 if knob.kind is int else ["no"]
    with pytest.raises(msgspec.ValidationError, match=knob.name):
        changed(Settings(), knob.group, **{knob.name: wrong})


def test_defaults_are_valid_and_survive_a_file():
    assert through_json(Settings()) == Settings()
    assert msgspec.convert(msgspec.to_builtins(Settings()), Settings) == Settings()


def test_changes_survive_a_file():
    settings = changed(Settings(), "training", patch=64, learning_rate=0.01)
    settings = changed(settings, "augmentation", flip=False)
    settings = changed(settings, "network", preset="paper")
    assert through_json(settings) == settings != Settings()


def test_changed_leaves_the_rest_alone():
    before = Settings()
    after = changed(before, "training", batch=7, seed=3)
    assert (after.training.batch, after.training.seed) == (7, 3)
    assert before == Settings()
    assert after.training.patch == before.training.patch
    assert after.augmentation == before.augmentation


def test_settings_cannot_be_written():
    with pytest.raises(AttributeError):
        Settings().training.batch = 3


def test_knobs_tell_the_current_values():
    current = {k.name: k.default for k in knobs(changed(Settings(), "compute", threads=3))}
    assert current["threads"] == 3


def test_choices_are_closed():
    for knob in KNOBS:
        if knob.choices:
            with pytest.raises(msgspec.ValidationError, match="Invalid enum value"):
                changed(Settings(), knob.group, **{knob.name: "something else"})


def test_what_a_newer_version_added_is_left_out_and_what_nobody_knows_cannot_be_set():
    text = b'{"training": {"speed": 3, "batch": 2}, "colour": {}}'
    found = msgspec.json.decode(text, type=Settings)
    assert found == changed(Settings(), "training", batch=2)
    with pytest.raises(TypeError, match="speed"):
        changed(Settings(), "training", speed=3)


def test_missing_fields_take_their_defaults():
    assert msgspec.json.decode(b'{"training": {"batch": 2}}', type=Settings) == changed(
        Settings(), "training", batch=2
    )
