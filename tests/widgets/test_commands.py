from __future__ import annotations

from importlib.resources import files

import pytest
from npe2 import PluginManifest

from napari_unet.widgets import commands
from napari_unet.widgets.guidance import Learning


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_file(str(files("napari_unet") / "napari.yaml"))


def test_every_command_of_the_panel_is_in_the_palette_and_in_the_menu(manifest):
    declared = {c.id: c.python_name for c in manifest.contributions.commands}
    menu = [item.command for item in manifest.contributions.menus["napari-unet-live.menu"]]
    assert set(menu) <= declared.keys()
    functions = {name for name in vars(commands) if getattr(
        getattr(commands, name), "__module__", "") == commands.__name__}  # fmt: skip
    in_menu = {declared[c].partition(":")[2] for c in menu if ".commands:" in declared[c]}
    assert functions <= in_menu


def test_the_menu_stands_in_one_that_plugins_may_add_to(manifest):
    from napari._app_model.constants._menus import is_menu_contributable

    (above,) = [m for m, items in manifest.contributions.menus.items() if m.startswith("napari/")]
    assert is_menu_contributable(above)
    (entry,) = manifest.contributions.menus[above]
    assert entry.submenu in {s.id for s in manifest.contributions.submenus}


def test_they_act_on_the_studio_of_the_viewer(painted, viewer):
    commands.toggle_prediction(viewer)
    assert not painted.desk.active.prediction.visible
    commands.toggle_outlines(viewer)
    assert painted.desk.active.prediction.contour > 0
    commands.accept_region(viewer)
    assert painted.scribe.outline is not None
    commands.accept_region(viewer)
    commands.train_or_pause(viewer)
    assert painted.lesson.learning is Learning.TRAINING
    commands.train_or_pause(viewer)
    commands.segment_image(viewer)
    assert painted.segmenter.running


def test_without_a_prediction_segmenting_says_what_to_do(studio, panel, viewer):
    commands.segment_image(viewer)
    assert "paint two classes first" in panel.guide.sentence.text()
