from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from napari_unet.core import presets as module
from napari_unet.core.head import fit_head
from napari_unet.core.local_features import count_local
from napari_unet.core.model import Model, bundled
from napari_unet.core.prediction import Predictor
from napari_unet.core.presets import PRESETS, start
from napari_unet.core.settings import Settings, Training
from napari_unet.core.unet import UNet


@pytest.fixture
def source(small_net):
    """A model of three channels, as the bundled one."""
    return Model.of(small_net(3, 2), ("ground", "disk"), Settings())


# -- channels --------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_a_grey_image_is_the_same_in_any_number_of_channels(source, channels):
    """What the first layer has learnt of brightness is kept, whatever the channels."""
    grey = torch.randn(1, 1, 60, 60)
    net = start("compact", channels, 2, source).eval()
    with torch.inference_mode():
        wanted = source.net.features(grey.expand(1, 3, 60, 60))
        found = net.features(grey.expand(1, channels, 60, 60))
    assert net.in_channels == channels
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [2, 5])
def test_each_channel_is_seen(source, channels):
    net = start("compact", channels, 2, source).eval()
    layer = net.down[0][0]
    seen = []
    for channel in range(channels):
        lit = torch.zeros(1, channels, 3, 3)
        lit[:, channel] = 3
        seen.append(layer(lit).flatten())
        assert seen[-1].abs().max() > 0.1
    assert not torch.allclose(seen[0], seen[1])


def test_a_grey_model_takes_colours(small_net):
    source = Model.of(small_net(1, 2), (), Settings())
    grey = torch.randn(1, 1, 44, 44)
    net = start("compact", 3, 2, source).eval()
    with torch.inference_mode():
        torch.testing.assert_close(
            net.features(grey.expand(1, 3, 44, 44)), source.net.features(grey), rtol=1e-4, atol=1e-4
        )


# -- classes ---------------------------------------------------------------------------------


def test_a_model_with_the_same_classes_goes_on_as_it_is(source):
    net = start("compact", 3, 2, source)
    for key, value in source.net.state_dict().items():
        assert torch.equal(net.state_dict()[key], value), key


@pytest.mark.parametrize("classes", [3, 255])
def test_another_number_of_classes_keeps_the_body_and_no_class_comes_first(source, classes):
    net = start("compact", 3, classes, source)
    state = net.state_dict()
    for key, value in source.net.state_dict().items():
        if not key.startswith("head"):
            assert torch.equal(state[key], value), key
    assert state["head.weight"].shape == (classes, 4, 1, 1)
    assert not state["head.weight"].any()
    assert not state["head.bias"].any()


@pytest.mark.parametrize("pretrained", [True, False])
def test_whether_a_network_was_pretrained_goes_with_it(source, pretrained):
    source.net.pretrained = pretrained
    for classes in (2, 3):
        assert start("compact", 1, classes, source).pretrained == pretrained


def test_the_model_itself_is_not_touched(source):
    before = {k: v.clone() for k, v in source.net.state_dict().items()}
    net = start("compact", 3, 2, source)
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
    for key, value in source.net.state_dict().items():
        assert torch.equal(before[key], value)


# -- what there is to begin with -------------------------------------------------------------


def test_the_bundled_weights_are_the_compact_preset_s():
    model, preset = bundled("compact"), PRESETS["compact"]
    assert model is not None
    assert model.net.pretrained
    shape = model.header.shape
    assert (shape.width, shape.norm, shape.axes) == (preset.width, preset.norm, 2)
    assert all(v.isfinite().all() for v in model.net.state_dict().values())
    net = start("compact", 1, 2)
    last = net.merge[-1][3].weight
    assert torch.equal(last, model.net.merge[-1][3].weight)


def test_the_compact_preset_begins_with_no_use_of_the_image_itself():
    net = start("compact", 3, 2)
    assert net.local_head is not None
    assert net.local_head.weight.shape == (2, count_local(3), 1, 1)
    assert not net.local_head.weight.any()
    assert start("paper", 3, 2).local_head is None


def test_what_a_model_makes_of_the_image_itself_stays_where_it_fits():
    net = start("compact", 1, 2)
    net.set_last_layer(torch.ones(2, net.last_layer()[0].shape[1]), torch.ones(2))
    model = Model.of(net, ("a", "b"), Settings())
    weight, bias = start("compact", 1, 2, model).last_layer()
    assert weight.all()
    assert bias.all()
    for channels, classes in ((3, 2), (1, 3)):
        other = start("compact", channels, classes, model)
        assert not other.local_head.weight.any()
        assert bool(other.head.weight.all()) == (classes == 2)


def test_a_model_that_does_not_see_the_image_itself_goes_on_so(source):
    assert start("compact", 3, 2, source).local_head is None


def test_bundled_features_tell_textures_of_the_same_brightness(cpu):
    """Random weights would hardly do: a linear layer on them finds what was never painted."""
    random = np.random.default_rng(0)
    fine = random.normal(size=(2, 148, 148))
    coarse = random.normal(size=(2, 37, 37)).repeat(4, 1).repeat(4, 2)
    predictor = Predictor(start("compact", 1, 2), cpu)
    found = []
    for images in (fine, coarse):
        padded = np.pad(images, ((0, 0), (92, 92), (92, 92)), "reflect")
        features = predictor.forward(torch.from_numpy(padded).float()[:, None])
        found.append(features[:, :, 20:-20, 20:-20].flatten(2).movedim(1, 2))
    weight, bias = fit_head(
        torch.cat([f[0, ::50] for f in found]),
        torch.tensor([0, 1]).repeat_interleave(len(found[0][0, ::50])),
        2,
    )
    for number, features in enumerate(found):
        right = (features[1] @ weight.T + bias).argmax(1) == number
        assert right.float().mean() > 0.9


def test_without_bundled_weights_a_network_starts_at_random(monkeypatch):
    monkeypatch.setattr(module, "bundled", lambda name: None)
    torch.manual_seed(0)
    one = start("compact", 1, 2)
    torch.manual_seed(0)
    two = start("compact", 1, 2, "random")
    assert all(map(torch.equal, one.parameters(), two.parameters()))
    weight = one.down[2][0].weight  # He: √(2/N)
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (9 * weight.shape[1])), rel=0.05)


def test_random_is_not_bundled():
    torch.manual_seed(0)
    assert not torch.equal(
        start("compact", 3, 2, "random").down[0][0].weight, start("compact", 3, 2).down[0][0].weight
    )


# -- how each is trained ---------------------------------------------------------------------


def test_the_paper_s_network_and_training():
    preset = PRESETS["paper"]
    with torch.device("meta"):
        net = preset.build(1, 2)
    assert sum(p.numel() for p in net.parameters()) == 31_030_658
    assert net.dropout.p == 0.5
    optimiser = preset.optimiser(net, 1e-3)
    assert isinstance(optimiser, torch.optim.SGD)
    assert [g["momentum"] for g in optimiser.param_groups] == [0.99]
    adapted = preset.adapted(Training(batch=16, patch=20, learning_rate=0.01))
    assert (adapted.batch, adapted.patch, adapted.learning_rate) == (1, 388, 0.01)
    assert (adapted.border_weight, adapted.border_sigma) == (10, 5)


def test_the_compact_preset_leaves_the_settings_alone():
    training = Training(batch=3, patch=36)
    assert PRESETS["compact"].adapted(training) is training


@pytest.mark.parametrize("name", ["compact", "paper"])
def test_the_optimiser_has_each_parameter_once(name):
    with torch.device("meta"):
        net = PRESETS[name].build(1, 2)
    groups = PRESETS[name].optimiser(net, 1e-3).param_groups
    found = [id(p) for g in groups for p in g["params"]]
    assert len(found) == len(set(found))
    assert set(found) == {id(p) for p in net.parameters() if p.requires_grad}
    assert all(0 < g["lr"] <= 1e-3 for g in groups)


@pytest.mark.parametrize("init", ["bundled", "random"])
def test_dropout_is_the_preset_s_whatever_the_network_starts_from(init):
    net = start("compact", 1, 2, init)
    assert isinstance(net, UNet)
    assert isinstance(net.dropout, nn.Dropout)
    assert net.dropout.p == PRESETS["compact"].dropout
