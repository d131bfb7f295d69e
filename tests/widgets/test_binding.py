from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels

from napari_unet.core.annotations import AnnotationError
from napari_unet.core.image import ImageError
from napari_unet.core.objects_ids import without_class
from napari_unet.engine.messages import Predicted
from napari_unet.widgets import binding as binding_module
from napari_unet.widgets import easel, pyramid
from napari_unet.widgets.binding import bind
from napari_unet.widgets.pixels import pixels_of
from napari_unet.widgets.planes import current_index, plane_shape
from napari_unet.widgets.regions import Region

COLOURS = ("#56b4e9", "#e69f00", "#009e73")


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def bound(viewer, qtbot):
    bindings = []

    def make(images, paint=None, prediction=None):
        binding = bind(viewer, 1, images, paint, COLOURS, prediction)
        bindings.append(binding)
        return binding

    yield make
    for binding in bindings:
        binding.close()


def test_layers_lie_where_the_image_lies(viewer, bound):
    image = viewer.add_image(
        np.zeros((4, 30, 40)),
        name="stack",
        scale=(2, 0.5, 0.25),
        translate=(1, 5, 7),
        rotate=20,
        shear=[0.1, 0, 0],
        affine=np.diag([1, 2, 3, 1]),
        units=("um", "um", "um"),
    )
    binding = bound([image])
    for layer in (binding.paint, binding.prediction):
        assert layer.data.shape == (4, 30, 40)
        assert layer.data.dtype == np.uint8
        for corner in ((0, 0, 0), (3, 29, 39), (1, 29, 0)):
            assert np.allclose(layer.data_to_world(corner), image.data_to_world(corner))
        assert layer.units == image.units


def test_paint_is_on_top_and_the_prediction_above_the_image(viewer, bound):
    image = viewer.add_image(np.zeros((30, 40)), name="blobs")
    viewer.add_points(name="spots")
    binding = bound([image])
    names = [layer.name for layer in viewer.layers]
    assert names == ["blobs", "blobs prediction", "spots", "blobs strokes"]
    assert not binding.prediction.editable
    assert binding.paint.editable


def test_both_layers_have_the_same_colours_but_a_faint_background(viewer, bound):
    binding = bound([viewer.add_image(np.zeros((30, 40)))])
    paint, prediction = binding.paint, binding.prediction
    assert np.allclose(paint.get_color(2), prediction.get_color(2))
    assert prediction.get_color(1)[3] < 0.5 < paint.get_color(1)[3]
    assert prediction.get_color(100)[3] == 0  # no class, and no object either


def test_strokes_that_are_there_are_found_by_name_and_size(viewer, bound):
    image = viewer.add_image(np.zeros((30, 40)), name="blobs")
    strokes = viewer.add_labels(np.ones((30, 40), np.uint8), name="blobs strokes")
    assert bound([image]).paint is strokes


def test_strokes_of_another_size_are_not_taken_by_name(viewer, bound):
    image = viewer.add_image(np.zeros((30, 40)), name="blobs")
    other = viewer.add_labels(np.ones((30, 41), np.uint8), name="blobs strokes")
    assert bound([image]).paint is not other


def test_strokes_of_another_shape_are_refused(viewer, bound):
    image = viewer.add_image(np.zeros((30, 40)))
    wrong = viewer.add_labels(np.zeros((20, 40), np.uint8))
    with pytest.raises(AnnotationError, match="20 × 40 px but the image is 30 × 40"):
        bound([image], wrong)
    deep = viewer.add_labels(np.zeros((2, 30, 40), np.uint8))
    with pytest.raises(ImageError, match="number of planes"):
        bound([image], deep)
    assert len(viewer.layers) == 3


def test_channels_of_other_sizes_are_refused(viewer, bound):
    one, two = viewer.add_image(np.zeros((30, 40))), viewer.add_image(np.zeros((30, 41)))
    with pytest.raises(ImageError, match="same size"):
        bound([one, two])


def test_channels_make_one_plane(viewer):
    one, two = viewer.add_image(np.zeros((30, 40))), viewer.add_image(np.ones((30, 40)))
    plane = pixels_of([one, two], Region(())).whole()
    assert plane.shape == (2, 30, 40)
    assert (plane[1] == 1).all()


def test_colour_images_have_three_channels(viewer, bound):
    image = viewer.add_image(np.zeros((30, 40, 4), np.uint8), rgb=True)
    assert pixels_of([image], Region(())).whole().shape == (3, 30, 40)
    assert bound([image]).paint.data.shape == (30, 40)


def test_a_pyramid_is_used_at_full_resolution(viewer, bound):
    levels = [np.zeros((64, 80)), np.zeros((32, 40))]
    image = viewer.add_image(levels, multiscale=True)
    assert plane_shape(image) == (64, 80)
    assert pixels_of([image], Region(())).whole().shape == (1, 64, 80)
    assert bound([image]).paint.data.shape == (64, 80)


def test_the_plane_in_view_follows_the_sliders(viewer):
    image = viewer.add_image(
        np.arange(6.0).reshape(6, 1, 1) * np.ones((6, 30, 40)), scale=(3, 1, 1)
    )
    viewer.dims.set_current_step(0, 4)
    assert current_index(viewer, image) == (4,)
    assert (pixels_of([image], Region((4,))).whole() == 4).all()


def test_dropping_a_class_erases_it_and_closes_the_gap(viewer, bound):
    binding = bound([viewer.add_image(np.zeros((30, 40)))])
    values = np.array([[1, 2, 3]], np.uint8)
    binding.paint.data[:1, :3] = values
    binding.tiles.write((), Predicted("", 1, 0, 0, values), visible=True)
    binding.strokes.scan()
    binding.drop_class(without_class(2, ()))
    for layer in (binding.paint, binding.prediction):
        assert layer.data[0, :4].tolist() == [1, 0, 2, 0]
        assert layer.data.dtype == np.uint8
    assert binding.strokes.counts[:4].tolist() == [0, 1, 1, 0]


def test_dropping_a_class_leaves_blank_planes_as_they_are(viewer, bound, monkeypatch):
    monkeypatch.setattr(pyramid, "_IN_MEMORY", 0)  # paint and prediction are sparse files
    binding = bound([viewer.add_image(np.zeros((5, 30, 40)))])
    assert isinstance(binding.paint.data, np.memmap)
    values = np.array([[1, 2, 3]], np.uint8)
    binding.paint.data[2, :1, :3] = values
    binding.strokes.scan()
    binding.tiles.write((3,), Predicted("", 1, 0, 0, values), visible=True)
    touched = []
    for module in (easel, binding_module):
        once = module.recode
        monkeypatch.setattr(module, "recode", lambda *a, do=once: (touched.append(a[0]), do(*a)))
    looked, read = [], binding.strokes.easel.read
    binding.strokes.easel.read = lambda index, *a: (looked.append(index), read(index, *a))[1]
    binding.drop_class(without_class(2, ()))
    assert binding.paint.data[2, 0, :3].tolist() == [1, 0, 2]
    assert binding.prediction.data[3, 0, :3].tolist() == [1, 0, 2]
    assert len(touched) == 3  # two planes of paint, painted on and in view, and one predicted
    assert set(looked) <= {(0,), (2,)}


def test_a_layer_that_was_just_made_holds_no_strokes(viewer, bound):
    image = viewer.add_image(np.zeros((30, 40)))
    assert bound([image]).blank
    assert not bound([image]).blank  # it is found again


def test_a_prediction_that_was_deleted_comes_back_with_what_it_showed(viewer, bound):
    binding = bound([viewer.add_image(np.zeros((30, 40)))])
    binding.prediction.data[0, 0] = 2
    viewer.layers.remove(binding.prediction)
    binding.show_again()
    assert isinstance(binding.prediction, Labels)
    assert binding.prediction.data[0, 0] == 2


def test_the_brush_fits_the_image(viewer, bound):
    small = bound([viewer.add_image(np.zeros((30, 40)))])
    large = bound([viewer.add_image(np.zeros((2000, 2000)))])
    assert small.paint.brush_size < large.paint.brush_size


def test_what_lies_over_channels_is_shown_with_each_of_them(viewer, bound):
    image = viewer.add_image(
        np.zeros((2, 3, 30, 40)),
        scale=(5, 2, 0.5, 0.25),
        translate=(1, 3, 5, 7),
        axis_labels=("z", "c", "y", "x"),
    )
    binding = bound([image])
    assert binding.paint.data.shape == (2, 1, 30, 40)
    for channel in range(3):
        place = image.data_to_world((1, channel, 10, 20))
        for layer in (binding.paint, binding.prediction):
            assert np.rint(layer.world_to_data(place)).astype(int).tolist() == [1, 0, 10, 20]
    viewer.dims.set_point(0, 6)
    viewer.dims.set_point(1, 7)
    assert current_index(viewer, image) == (1, 0)
