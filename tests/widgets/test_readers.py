"""Files that other plugins read: their layers are painted on as those of napari's own reader."""

from __future__ import annotations

import hands
import numpy as np
import pytest
import tifffile
import zarr

from napari_unet.widgets.panel import AnnotatePanel
from napari_unet.widgets.planes import axis_names, channel_axis, depth_axis, full_shape

SHAPE = (3, 120, 160)  # (Z, Y, X)
SCALE = (2.0, 0.5, 0.5)  # µm


@pytest.fixture
def opened(fake_engine, make_napari_viewer, qtbot):
    """Opens a file with a plugin in a viewer that is seen; gives the panel, the viewer, layers."""
    panels = []

    def start(path, plugin):
        viewer = make_napari_viewer(show=True)
        viewer.window._qt_window.resize(1000, 800)
        layers = viewer.open(path, plugin=plugin)
        panels.append(panel := AnnotatePanel(viewer))
        viewer.window.add_dock_widget(panel, area="right")
        if len(layers) > 1:  # the user says which; a single one is taken
            panel.studio.choose(layers)
        qtbot.waitUntil(lambda: panel.studio.desk.active is not None, timeout=5000)
        return panel, viewer, layers

    yield start
    for panel in panels:
        panel.studio.keeper.close()


def ome_zarr(path, axes, array, scale):
    """Two levels, the second one half as wide and as high."""
    group = zarr.open_group(path, mode="w", zarr_format=2)
    kinds = {"c": {"type": "channel"}}
    space = {"type": "space", "unit": "micrometer"}
    levels = []
    for level, data in enumerate((array, array[..., ::2, ::2])):
        group.create_array(str(level), data=data, chunks=data.shape)
        steps = [s * 2**level if a in "yx" else s for a, s in zip(axes, scale, strict=True)]
        scaled = [{"type": "scale", "scale": steps}]
        levels.append({"path": str(level), "coordinateTransformations": scaled})
    named = [{"name": axis, **kinds.get(axis, space)} for axis in axes]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": named, "datasets": levels}]


def check_strokes(panel, viewer, qtbot):
    """Paint a stroke of each class on the middle slice; each is where the mouse was."""
    studio = panel.studio
    paint = studio.desk.active.paint
    paint.brush_size = 3
    viewer.reset_view()
    viewer.dims.set_point(0, viewer.dims.range[0].step)
    qtbot.wait(50)
    for number, row, left, right in ((1, 60, 20, 50), (2, 40, 100, 140)):
        studio.roster.select(number)
        hands.stroke(viewer, paint, (1, row, left), (1, row, right))
    qtbot.waitUntil(lambda: studio.lesson.report.answered, timeout=10000)
    assert paint.data.shape == SHAPE
    assert set(np.flatnonzero(paint.data.any((1, 2)))) == {1}
    for number, row, left, right in ((1, 60, 20, 50), (2, 40, 100, 140)):
        rows, columns = np.nonzero(paint.data[1] == number)
        assert np.abs(rows - row).max() <= 3
        np.testing.assert_allclose((columns.min(), columns.max()), (left, right), atol=4)
        assert (paint.data[1, row, left + 2 : right - 1] == number).all()
    painted = {index for index, one in studio.desk.active.strokes.snapshots.items() if one.blocks}
    assert painted == {(1,)}


def check_axes(layer):
    """Slices along z, as far apart as the file says; no channels among them."""
    assert axis_names(layer) == ["z"]
    assert (channel_axis(layer), depth_axis(layer)) == (None, 0)
    assert full_shape(layer) == SHAPE
    np.testing.assert_allclose(layer.scale, SCALE)


def test_a_tiff_by_napari_tiff(opened, tmp_path, qtbot):
    pytest.importorskip("napari_tiff")
    tifffile.imwrite(
        tmp_path / "a.tif", hands.halves(*SHAPE), imagej=True, resolution=(2, 2),
        metadata={"axes": "ZYX", "spacing": 2, "unit": "um"},
    )  # fmt: skip
    panel, viewer, (layer,) = opened(tmp_path / "a.tif", "napari-tiff")
    check_axes(layer)
    check_strokes(panel, viewer, qtbot)


def test_channels_of_a_tiff_by_napari_tiff_are_layers(opened, tmp_path, qtbot):
    pytest.importorskip("napari_tiff")
    array = np.stack([hands.halves(*SHAPE)] * 2, axis=1)
    tifffile.imwrite(
        tmp_path / "a.ome.tif", array, ome=True,
        metadata={"axes": "ZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2},
    )  # fmt: skip
    panel, viewer, layers = opened(tmp_path / "a.ome.tif", "napari-tiff")
    for layer in layers:
        check_axes(layer)
    assert panel.studio.desk.active.images == tuple(layers)
    check_strokes(panel, viewer, qtbot)


@pytest.mark.parametrize("channels", [1, 2])
def test_an_ome_zarr_by_napari_ome_zarr(opened, tmp_path, qtbot, channels):
    pytest.importorskip("napari_ome_zarr")
    array, path = hands.halves(*SHAPE), tmp_path / "a.ome.zarr"
    if channels == 1:
        ome_zarr(path, "zyx", array, SCALE)
    else:
        ome_zarr(path, "czyx", np.stack([array] * channels), (1, *SCALE))
    panel, viewer, layers = opened(path, "napari-ome-zarr")
    assert len(layers) == channels
    for layer in layers:
        assert layer.multiscale
        check_axes(layer)
    check_strokes(panel, viewer, qtbot)
