from __future__ import annotations

import pytest

from napari_unet.cli import main
from napari_unet.cli.parser import build_parser, check, chosen_settings
from napari_unet.core.settings import Settings, knobs

TRAIN = ["train", "--images", "a", "--annotations", "b", "--out", "c"]


def parse(*arguments):
    parser = build_parser()
    options = parser.parse_args(arguments)
    check(parser, options)
    return options


def refused(capsys, *arguments):
    """What wrong usage says; the exit code must be 2."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_every_setting_has_its_flag():
    names = [knob.name for knob in knobs()]
    assert len(set(names)) == len(names)
    options = vars(parse(*TRAIN))
    assert set(names) <= set(options)
    assert chosen_settings(parse(*TRAIN)) == Settings()


def test_flags_change_just_their_setting():
    given = ["--border-weight", "3.5", "--no-flip", "--preset", "paper", "--seed", "7"]
    settings = chosen_settings(parse(*TRAIN, *given))
    assert settings.training.border_weight == 3.5
    assert settings.training.seed == 7
    assert settings.augmentation.flip is False
    assert settings.network.preset == "paper"
    usual = {(knob.group, knob.name): knob.default for knob in knobs()}
    now = {(knob.group, knob.name): knob.default for knob in knobs(settings)}
    changes = {name for group, name in usual if usual[group, name] != now[group, name]}
    assert changes == {"border_weight", "seed", "flip", "preset"}


def test_a_flag_may_be_zero():
    settings = chosen_settings(parse(*TRAIN, "--border-weight", "0", "--seed", "0"))
    assert settings.training.border_weight == 0


def test_values_out_of_bounds_are_wrong_usage(capsys):
    assert "not between 0.5 and 50" in refused(capsys, *TRAIN, "--border-sigma", "0.1")
    assert "is not a whole number" in refused(capsys, *TRAIN, "--seed", "1.5")
    assert "is not a number" in refused(capsys, *TRAIN, "--noise", "much")
    assert "invalid choice" in refused(capsys, *TRAIN, "--device", "tpu")


def test_wrong_usage(capsys):
    assert "required: COMMAND" in refused(capsys)
    assert "invalid choice" in refused(capsys, "fly")
    assert "--annotations" in refused(capsys, "train", "--images", "a", "--out", "c")
    assert "not allowed with" in refused(capsys, *TRAIN, "--seconds", "1", "--steps", "1")
    assert "is not a number over 0" in refused(capsys, *TRAIN, "--seconds", "0")
    assert "is not a number over 0" in refused(capsys, *TRAIN, "--seconds", "nan")
    assert "is not a whole number, 0 or more" in refused(capsys, *TRAIN, "--steps", "-1")
    assert "two or more different names" in refused(capsys, *TRAIN, "--classes", "cell")
    assert "two or more different names" in refused(capsys, *TRAIN, "--classes", "a,a")
    assert "two or more different names" in refused(capsys, *TRAIN, "--classes", "a,")


def test_class_names_are_split_at_commas():
    assert parse(*TRAIN, "--classes", "background, cell").classes == ("background", "cell")


@pytest.mark.parametrize("command", ["", "demo", "train", "segment", "evaluate", "info"])
def test_help(capsys, command):
    with pytest.raises(SystemExit) as end:
        main([*command.split(), "--help"])
    assert end.value.code == 0
    assert "usage: napari-unet" in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("napari-unet 0.")
