"""Volumes: a third axis that begins as 2-D, slice by slice, and is tiled without a seam."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from napari_unet.core.adaptation import adapted
from napari_unet.core.annotations import AnnotationError, Annotations
from napari_unet.core.image import ImageError, Normalisation, Picture, as_volume
from napari_unet.core.model import Model, bundled
from napari_unet.core.patches import Patches, read_slab
from napari_unet.core.prediction import Predictor
from napari_unet.core.presets import start
from napari_unet.core.settings import Compute, Settings, changed
from napari_unet.core.tilewise import predict
from napari_unet.core.tiling import Grid, tiles
from napari_unet.core.training import Trainer
from napari_unet.core.unet import UNet
from napari_unet.core.volume import inflated, levels_across


def network(across: int, depth: int = 2, **options) -> UNet:
    """A small random network for volumes; batch norm as it is at prediction."""
    torch.manual_seed(across)
    net = UNet(1, 2, width=4, depth=depth, axes=3, norm=True, dropout=0, across=across, **options)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return net.eval()


@pytest.fixture
def balls():
    """Bright balls in noise, (Z, Y, X), and strokes of ground (1) and balls (2) on two slices."""
    z, y, x = np.mgrid[:9, :48, :48]
    truth = np.ones(z.shape, np.uint8)
    for cz, cy, cx in ((3, 14, 14), (6, 14, 34), (3, 34, 30)):
        truth[np.sqrt(4 * (z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2) < 9] = 2
    image = np.where(truth == 2, 150, 70) + np.random.default_rng(0).normal(0, 8, truth.shape)
    paint = np.zeros_like(truth)
    paint[3, 12:16, 10:18] = paint[3, 34, 24:36] = paint[6, 14, 28:40] = 2
    paint[3, 2:4, 4:40] = paint[6, 44, 4:40] = paint[6, 24:26, 2:20] = 1
    assert (truth[paint > 0] == paint[paint > 0]).all()
    return image.astype(np.float32), paint, truth


# -- from 2-D to 3-D ------------------------------------------------------------------------


def pair(across: int, shrink: int = 1) -> tuple[UNet, UNet]:
    """A small 2-D network, and one for volumes that begins with its weights."""
    flat = UNet(1, 2, width=4, depth=2, norm=True, dropout=0, side=2, shrink=shrink).eval()
    deep = network(across, side=2, shrink=shrink)
    deep.load_state_dict(inflated(flat.state_dict(), deep.state_dict()))
    return flat, deep


@pytest.mark.parametrize("across", [1, 3])
@pytest.mark.parametrize("shrink", [1, 2])
def test_inflated_weights_say_of_each_slice_what_2d_weights_say(across, shrink):
    flat, deep = pair(across, shrink)
    slices, side, _ = deep.grids
    volume = torch.randn(1, 1, slices.input(3), side.input(9), side.input(9))
    with torch.inference_mode():
        found = deep.features(volume)[0]
        inner = volume[0, :, slices.margin : slices.margin + 3]
        wanted = flat.features(inner.transpose(0, 1)).transpose(0, 1)
    assert found.shape == wanted.shape
    assert torch.allclose(found, wanted, atol=1e-5)
    assert wanted.std() > 0.01


def test_slices_from_which_nothing_was_learnt_cost_nothing():
    _, net = pair(3)
    assert net.folded().grids[0].margin == 0
    assert net.grids[0].margin == 6
    with torch.no_grad():
        net.down[1][0].weight[0, 0, 2] += 0.1  # one kernel now looks at the next slice
    folded = net.folded()
    assert folded.grids[0].margin == 1
    volume = torch.randn(1, 1, 13, *(g.input(9) for g in net.grids[1:]))
    with torch.inference_mode():
        wanted, found = net.features(volume), folded.features(volume[:, :, 5:8])
    assert torch.allclose(found, wanted, atol=1e-5)


def test_inflated_weights_can_learn_what_other_slices_tell():
    _, net = pair(2)
    net.features(torch.randn(1, 1, *(g.input(1) for g in net.grids))).sum().backward()
    for level in net.down[:2]:
        for kernel in (level[0].weight, level[3].weight):
            assert (kernel[:, :, [0, 2]] == 0).all()
            assert (kernel.grad[:, :, [0, 2]] != 0).any()


def test_the_bundled_network_starts_3d_with_all_its_weights():
    state = bundled().net.state_dict()
    net = start("compact", 3, 2, anisotropy=2.0)
    for name, weight in net.state_dict().items():
        wanted = float(state[name].abs().sum()) if name in state else 0.0
        assert float(weight.abs().sum()) == pytest.approx(wanted, rel=1e-4)
    assert (net.axes, net.across, net.anisotropy) == (3, 2, 2.0)
    assert net.pretrained
    assert not net.adapted


@pytest.mark.parametrize("shrink", [1, 2])
def test_all_of_it_can_be_computed_in_bfloat16(shrink):
    _, net = pair(2, shrink)
    volume = torch.randn(1, 1, *(g.input(3) for g in net.grids))
    with torch.inference_mode():
        wanted = net.features(volume)
        found = net.bfloat16().features(volume.bfloat16()).float()
    assert (found - wanted).abs().mean() < 0.05 * wanted.abs().mean()


def test_far_slices_are_looked_at_less():
    reaches = [levels_across(a) for a in (0.5, 1.0, 2.0, 3.0, 10.0)]
    assert reaches == sorted(reaches, reverse=True)
    assert reaches[-1] > 0


def test_slices_have_a_grid_of_their_own():
    net = network(2, depth=3, shrink=2)
    assert net.grids == (Grid(margin=4, stride=1), net.grid, net.grid)
    assert net.valid_input_size((1, 1, 1)) == (9, net.grid.input(1), net.grid.input(1))
    with pytest.raises(ValueError, match=r"does not fit the U-Net; pad it to"):
        net(torch.zeros(1, 1, 9, 90, 90))


# -- tiled equals whole ---------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(
    st.integers(1, 3),
    st.tuples(st.integers(1, 9), st.integers(1, 30), st.integers(1, 30)),
    st.tuples(st.integers(1, 9), st.integers(4, 30), st.integers(4, 30)),
    st.sampled_from([1, 2]),
)
def test_tiled_equals_whole(across, shape, output, shrink):
    net = network(across, shrink=shrink).folded()
    noise = np.random.default_rng(0).normal(0, 1, (1, *shape)).astype(np.float32)
    picture = Picture(noise, Normalisation((0.0,), (1.0,)))

    def put_together(sizes) -> np.ndarray:
        found = np.full((2, *shape), np.nan, np.float32)
        with torch.inference_mode():
            todo = tiles(shape, sizes, net.grids)
            for tile, part in predict(net, picture, todo, net.grids):
                found[(slice(None), *tile.write)] = part
        return found

    whole = put_together((100, 100, 100))
    assert np.abs(put_together(output) - whole).max() < 1e-4 * max(1, np.abs(whole).max())


def test_a_smaller_margin_would_make_seams():
    net = network(2).folded()
    picture = Picture.of(np.random.default_rng(0).normal(0, 1, (1, 6, 8, 8)).astype(np.float32))

    def short_sighted(x: torch.Tensor) -> torch.Tensor:
        blind = x.clone()
        blind[:, :, 0] = 0
        with torch.inference_mode():
            return net(blind)

    (tile,) = tiles((6, 8, 8), 16, net.grids)
    ((_, whole),) = predict(net.forward, picture, [tile], net.grids)
    found = torch.zeros_like(whole)
    for part, values in predict(short_sighted, picture, tiles((6, 8, 8), (2, 8, 8), net.grids),
                                net.grids):  # fmt: skip
        found[(slice(None), *part.write)] = values
    assert (found - whole).abs().max() > 1e-3


def test_where_memory_runs_out_blocks_are_cut_along_all_axes(cpu):
    net = network(1).folded()
    picture = Picture.of(np.random.default_rng(0).normal(0, 1, (1, 5, 20, 20)).astype(np.float32))
    most = np.prod([g.input(n) for g, n in zip(net.grids, (1, 4, 4), strict=True)])

    def small_machine(x: torch.Tensor) -> torch.Tensor:
        if x.numel() > 1.5 * most:
            raise MemoryError
        with torch.inference_mode():
            return net(x)

    todo = tiles((5, 20, 20), 32, net.grids)
    written = np.zeros((5, 20, 20), int)
    for tile, _ in predict(small_machine, picture, todo, net.grids):
        written[tile.write] += 1
    assert (written == 1).all()


def test_blocks_are_as_thick_as_memory_lets_them_be(cpu):
    predictor = Predictor(network(2, depth=4), cpu)
    small, wide = (Picture.of(np.zeros((1, 100, n, n)) + np.eye(n)) for n in (100, 400))
    for picture in (small, wide):
        blocks = predictor.blocks(picture)
        read = [np.prod([r.stop - r.start for r in tile.read]) for tile in blocks]
        assert max(read) < 8 << 20
        assert sum(np.prod([w.stop - w.start for w in t.write]) for t in blocks) == (
            np.prod(picture.shape)
        )
    assert predictor.blocks(small)[0].write[0].stop > 20
    assert {t.write[0].stop - t.write[0].start for t in predictor.tiles(small)} == {1}


# -- learning -------------------------------------------------------------------------------


def test_what_only_the_neighbouring_slices_tell_is_learnt(cpu):
    y, x = np.mgrid[:48, :48]
    disc = (np.hypot(y - 14, x - 14) < 9) | (np.hypot(y - 34, x - 32) < 9)
    truth = np.where(disc, 2, 1)
    image = np.random.default_rng(0).normal(0, 1, (7, 48, 48)).astype(np.float32)
    image[::2] += np.where(disc, 2, -2)  # all other slices are noise, and those are painted
    paint = np.zeros(image.shape, np.uint8)
    for z in (1, 3, 5):
        paint[z, 2:4, 4:40] = paint[z, 24, 2:18] = paint[z, 44, 4:20] = 1
        paint[z, 12:15, 8:20] = paint[z, 34, 26:39] = 2
    assert all((paint[z] == truth)[paint[z] > 0].all() for z in (1, 3, 5))
    plain = {"elastic": 0.0, "contrast": 0.0, "brightness": 0.0, "noise": 0.0}
    quick = {"patch": 36, "batch": 1, "learning_rate": 0.01, "averaging": 0.8, "agreement": 0.0}
    wanted = changed(Settings(), "training", held_out=0.0, **quick)
    torch.manual_seed(0)
    _, net = pair(1)
    net.adapted = True
    trainer = Trainer(net, changed(wanted, "augmentation", **plain), cpu)
    picture = Picture.of(as_volume(image))
    trainer.open("film", picture)
    trainer.annotate("film", Annotations.of_volume(paint))

    def right() -> float:
        """Share of the voxels of noisy slices that are right, both classes alike."""
        labels = np.zeros(image.shape, np.uint8)
        for tile, found in trainer.predictor.segment(picture, mirrored=False):
            labels[tile.write] = found
        return float(np.mean([(labels[1::2] == k)[:, truth == k].mean() for k in (1, 2)]))

    trainer.answer()
    assert right() < 0.65  # of each slice, what a 2-D network says of it
    for _ in range(15):
        trainer.step()
    assert trainer.check().kept
    assert right() > 0.85


def test_strokes_on_slices_are_held_out_and_agreed_on_like_any_other(balls, cpu):
    image, paint, _ = balls
    trainer = Trainer(network(1), changed(Settings(), "training", patch=36), cpu)
    trainer.open("balls", Picture.of(as_volume(image)))
    trainer.annotate("balls", Annotations.of_volume(paint))
    verdict = trainer.answer()
    assert 0.5 <= verdict.score <= 1
    split = trainer.splits["balls"]
    assert {int(k) for k in np.unique(paint[split.held])} == {1, 2}
    assert 0 < split.held.sum() < (paint > 0).sum() / 2
    assert all(np.isfinite(trainer.step()) for _ in range(2))
    assert np.isfinite(trainer.check().score)


def test_what_has_learnt_to_look_across_is_judged_like_what_did_not(balls, cpu):
    image, paint, _ = balls
    trainer = Trainer(pair(1)[1], changed(Settings(), "training", patch=36), cpu)
    trainer.open("balls", Picture.of(as_volume(image)))
    trainer.annotate("balls", Annotations.of_volume(paint))
    trainer.answer()
    assert trainer.predictor.grids[0].margin == 0
    for _ in range(20):
        trainer.step()
    looks_across = Predictor(trainer.tuner.averaged, cpu)
    assert looks_across.grids[0].margin > 0
    assert np.isfinite(trainer.check().score)


def test_patches_of_a_volume_are_one_slice_amid_its_neighbours(balls, cpu):
    _, paint, _ = balls
    z, y, x = np.mgrid[:9, :48, :48].astype(np.float32)
    picture = Picture.of(as_volume(20 * z + y + x / 2))  # linear, so interpolation is exact
    net, plain = network(2), {"rotation": False, "scale": 1.0, "elastic": 0.0}
    grey = {"contrast": 0.0, "noise": 0.0, "brightness": 0.0}
    wanted = changed(changed(Settings(), "training", patch=20), "augmentation", **plain, **grey)
    trainer = Trainer(net, wanted, cpu)
    trainer.open("ramp", picture)
    trainer.annotate("ramp", Annotations.of_volume(paint))
    patches = Patches(trainer.pictures, trainer.splits, wanted, net)
    generator, upright = torch.Generator().manual_seed(0), set()
    for _ in range(8):
        batch = patches.draw(generator, cpu)
        for slab, labels, (_, points) in zip(
            batch.images, batch.labels, batch.windows, strict=True
        ):
            m = net.margin
            assert slab.shape == (1, 9, *(n + 2 * m for n in labels.shape[1:]))
            pz, py, px = points.unbind(-1)
            assert len(pz.unique()) == 1
            (number,) = pz.unique().int().tolist()
            assert number in {3, 6}
            inside = ((points >= 0) & (points <= 47)).all(-1)
            mean, deviation = (
                v[0] for v in (picture.normalisation.mean, picture.normalisation.deviation)
            )
            assert torch.allclose(
                slab[0, 4:5, m:-m, m:-m][inside] * deviation + mean,
                (20 * pz + py + px / 2)[inside], atol=0.1,
            )  # fmt: skip
            trained = torch.from_numpy(trainer.splits["ramp"].trained[number].astype(int))
            rows, columns = py.round().long(), px.round().long()
            assert (labels[inside] == trained[rows[inside], columns[inside]]).all()
            upright.add(bool(slab[0, 3].mean() < slab[0, 5].mean()))
    assert upright == {True, False}


def test_batch_norm_is_measured_on_slices_of_the_whole_stack(cpu):
    dark_to_bright = np.linspace(0, 1, 40)[:, None, None] * np.ones((1, 30, 30))
    noise = np.random.default_rng(0).normal(0, 0.1, dark_to_bright.shape)
    picture = Picture.of(as_volume((dark_to_bright + noise).astype(np.float32)))
    net = network(1)
    first = net.down[0][0].weight
    with torch.no_grad():
        first.zero_()
        first[:, :, 1, 1, 1] = 1
    found = adapted(net, picture, cpu).down[0][1]
    assert found.running_mean.numpy() == pytest.approx(0, abs=0.2)
    assert found.running_var.numpy() == pytest.approx(1, abs=0.6)


# -- one slice out of many, as of volumes too large to be learnt from at once -----------------


@pytest.fixture
def part(balls):
    """A stack, and 20 × 30 px of its slice 3 as a picture of its own."""
    whole = Picture.of(as_volume(balls[0]))
    return whole, whole.part((slice(3, 4), slice(8, 28), slice(16, 46)))


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(low=st.tuples(*[st.integers(-12, 12)] * 3), size=st.tuples(*[st.integers(1, 12)] * 3))
def test_around_a_part_lies_its_volume(part, low, size):
    whole, own = part
    window = tuple(slice(a, a + n) for a, n in zip(low, size, strict=True))
    moved = tuple(
        slice(w.start + by, w.stop + by) for w, by in zip(window, (3, 8, 16), strict=True)
    )
    assert np.array_equal(own.read(window), whole.read(moved))


def test_a_part_has_the_features_and_patches_of_its_volume(part, cpu):
    whole, own = part
    predictor = Predictor(network(2), cpu)
    assert predictor.grids[0].margin > 0  # it looks at the slices above and below
    (tile,) = predictor.tiles(own)
    found = predictor.features("own", own, tile)
    assert torch.equal(found, predictor.features("all", whole, tile.moved((3, 8, 16))))
    points = torch.rand(5, 6, 2) * 20
    slab = read_slab(own, points, 0, 2)
    assert slab.shape == (1, 5, 5, 6)
    moved = points + torch.tensor([8.0, 16.0])
    assert torch.allclose(slab, read_slab(whole, moved, 3, 2), atol=1e-4)
    assert (slab[:, 0] - slab[:, 4]).abs().max() > 0.1


def test_batch_norm_of_a_slice_is_measured_above_and_below_it(part, cpu):
    whole, own = part
    net, slices = network(1), whole.part((slice(0, 9), slice(8, 28), slice(16, 46)))
    found, wanted, flat = (
        adapted(net, picture, cpu).down[0][1].running_mean
        for picture in (own, slices, Picture(own.read(tuple(slice(0, n) for n in own.shape)),
                                             Normalisation((0.0,), (1.0,))))
    )  # fmt: skip
    assert torch.equal(found, wanted)
    assert not torch.allclose(found, flat, atol=1e-3)


# -- models and arrays ----------------------------------------------------------------------


def test_a_model_of_volumes_survives_its_file(balls):
    image, _, _ = balls
    net = network(2)
    net.anisotropy = 2.5
    model = Model.of(net, ("a", "b"), Settings())
    again = Model.from_bytes(model.to_bytes())
    assert again.header == model.header
    assert (again.header.shape.axes, again.header.shape.across) == (3, 2)
    assert again.header.anisotropy == again.net.anisotropy == 2.5
    compute = Compute(device="cpu", precision="fp32", mirrors=False)
    labels = again.segment(image, compute=compute)
    assert labels.shape == image.shape
    assert (labels == model.segment(image, compute=compute)).all()


def test_a_plane_for_a_model_of_volumes_is_refused_in_a_sentence():
    model = Model.of(network(1), ("a", "b"), Settings())
    with pytest.raises(ImageError, match=r"\(20, 20\) is not a volume: give \(Z, Y, X\)"):
        model.segment(np.eye(20))


@pytest.mark.parametrize(
    ("shape", "found"), [((5, 6, 7), (1, 5, 6, 7)), ((5, 6, 7, 3), (3, 5, 6, 7)),
                         ((5, 6, 7, 4), (3, 5, 6, 7))],
)  # fmt: skip
def test_arrays_become_volumes_without_a_copy(shape, found):
    array = np.arange(np.prod(shape)).reshape(shape)
    volume = as_volume(array)
    assert volume.shape == found
    assert np.shares_memory(volume, array)
    assert volume[-1, 3, 2, 1] == (array[3, 2, 1] if array.ndim == 3 else array[3, 2, 1, 2])


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 3), (2, 5, 6, 7), (0, 5, 5)])
def test_what_is_no_volume_is_refused(shape):
    with pytest.raises(ImageError, match=r"not a volume|no pixels"):
        as_volume(np.zeros(shape))


def test_paint_on_slices_can_be_put_together_slice_by_slice(balls):
    _, paint, _ = balls
    whole = Annotations.of_volume(paint)
    assert whole.painted_slices == (3, 6)
    assert (whole.dense() == paint).all()
    one_by_one = Annotations(paint.shape)
    for z in (6, 3):
        one_by_one = one_by_one.with_slice(z, Annotations.of(paint[z]))
    assert one_by_one.same_as(whole)
    assert (whole.slice_at(6).dense() == paint[6]).all()
    assert one_by_one.with_slice(6, Annotations(paint.shape[1:])).painted_slices == (3,)
    assert (one_by_one.with_slice(3, Annotations.of(paint[6])).dense()[3] == paint[6]).all()
    assert not whole.same_as(whole.with_slice(2, Annotations.of(paint[6])))


def test_paint_of_a_volume_is_checked_like_any_other():
    with pytest.raises(AnnotationError, match="the value 256"):
        Annotations.of_volume(np.full((2, 3, 4), 256))


def test_a_wholly_painted_volume_can_be_trained(balls, cpu):
    image, _, truth = balls
    wanted = changed(Settings(), "training", patch=20, held_out=0)
    trainer = Trainer(network(2), wanted, cpu)
    trainer.open("balls", Picture.of(as_volume(image)))
    trainer.annotate("balls", Annotations.of_volume(truth))
    trainer.answer()
    assert np.isfinite(trainer.step())
