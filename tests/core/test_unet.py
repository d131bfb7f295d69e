from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from napari_unet.core.local_features import count_local, local_features
from napari_unet.core.unet import UNet

# Figure 1 of the paper, level by level: (size, channels) after each layer
PAPER_DOWN = [
    (570, 64), (568, 64), (284, 64),
    (282, 128), (280, 128), (140, 128),
    (138, 256), (136, 256), (68, 256),
    (66, 512), (64, 512), (32, 512),
    (30, 1024), (28, 1024),
]  # fmt: skip
PAPER_UP = [
    (56, 512), (54, 512), (52, 512),
    (104, 256), (102, 256), (100, 256),
    (200, 128), (198, 128), (196, 128),
    (392, 64), (390, 64), (388, 64),
    (388, 2),
]  # fmt: skip
CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@pytest.fixture(scope="module")
def paper() -> UNet:
    torch.manual_seed(0)
    return UNet(1, 2).eval()


def small(**kwargs: object) -> UNet:
    """A narrow network whose batch norm (if any) has seen something."""
    torch.manual_seed(3)
    net = UNet(kwargs.pop("channels", 1), kwargs.pop("classes", 2), **{"width": 3, **kwargs})
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return net.eval()


def test_paper_has_31_030_658_parameters(paper):
    assert sum(p.numel() for p in paper.parameters()) == 31_030_658


def test_paper_has_23_convolutional_layers(paper):
    layers = [m for m in paper.modules() if isinstance(m, CONVOLUTIONS)]
    assert len(layers) == 23
    assert [tuple(m.kernel_size) for m in layers].count((3, 3)) == 18
    assert [tuple(m.kernel_size) for m in layers].count((2, 2)) == 4
    assert [tuple(m.kernel_size) for m in layers].count((1, 1)) == 1
    assert all(m.padding == (0, 0) for m in layers)


def test_paper_matches_figure_1_layer_by_layer():
    with torch.device("meta"):  # shapes alone: no work is done
        net = UNet(1, 2)
    seen: list[tuple[int, int]] = []

    def note(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
        assert output.shape[2] == output.shape[3]
        seen.append((output.shape[2], output.shape[1]))

    joined: list[int] = []
    for module in net.modules():
        if isinstance(module, (*CONVOLUTIONS, nn.MaxPool2d)):
            module.register_forward_hook(note)
    for merge in net.merge:
        merge.register_forward_pre_hook(lambda _, inputs: joined.append(inputs[0].shape[1]))
    net(torch.empty(1, 1, 572, 572, device="meta"))
    assert seen == PAPER_DOWN + PAPER_UP
    assert joined == [1024, 512, 256, 128]  # half of them cropped from the contracting path


def test_paper_runs_from_572_to_388(paper):
    with torch.inference_mode():
        assert paper(torch.zeros(1, 1, 188, 204)).shape == (1, 2, 4, 20)
    assert paper.output_size((572, 572)) == (388, 388)
    assert paper.valid_input_size((388, 388)) == (572, 572)
    assert paper.valid_input_size((1, 5, 20, 21)) == (188, 204, 204, 220)
    assert (paper.margin, paper.stride) == (92, 16)


def test_paper_has_a_relu_after_each_3x3_and_dropout_at_the_bottom(paper):
    assert sum(isinstance(m, nn.ReLU) for m in paper.modules()) == 18
    assert paper.dropout.p == 0.5
    assert not any(isinstance(m, nn.BatchNorm2d) for m in paper.modules())


def test_dropout_acts_at_the_end_of_the_contracting_path():
    net = small(depth=1, dropout=1.0).train()
    seen = []
    net.up[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].abs().max()))
    net(torch.randn(1, 1, 20, 20))
    assert seen == [0]


def test_he_initialisation(paper):
    for module in paper.modules():
        if isinstance(module, nn.Conv2d):
            nodes = module.in_channels * math.prod(module.kernel_size)
        elif isinstance(module, nn.ConvTranspose2d):
            nodes = module.in_channels
        else:
            continue
        weight, wanted = module.weight.detach(), (2 / nodes) ** 0.5
        # the estimate of a standard deviation from n values is off by 1/√(2n) of it
        tolerance = 5 / (2 * weight.numel()) ** 0.5
        assert weight.std().item() == pytest.approx(wanted, rel=tolerance)
        assert abs(weight.mean().item()) < 5 * wanted / weight.numel() ** 0.5
        assert not module.bias.any()


def test_batch_norm_replaces_the_bias():
    net = small(norm=True, depth=2)
    pairs = [*net.down, *net.merge]
    assert all(m.bias is None for p in pairs for m in p if isinstance(m, nn.Conv2d))
    assert sum(isinstance(m, nn.BatchNorm2d) for m in net.modules()) == 10
    assert net.head.bias is not None


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("norm", [False, True])
def test_every_valid_size_works_and_every_other_is_refused(depth, norm):
    net = small(depth=depth, norm=norm, width=1)
    first = net.valid_input_size((1,))[0]
    assert first == net.valid_input_size((net.output_size((first,))[0],))[0]
    with torch.inference_mode():
        for size in range(max(1, first - net.stride), first + net.stride + 1):
            x = torch.zeros(1, 1, first, size)
            if size in (first, first + net.stride):
                wanted = (1, 2, *net.output_size((first, size)))
                assert min(wanted) >= 1
                assert net(x).shape == wanted
                continue
            valid = first if size < first else first + net.stride
            for call in (net, net.features):
                with pytest.raises(ValueError, match=rf"pad it to \({first}, {valid}\) px"):
                    call(x)


def test_wrong_number_of_axes_is_refused():
    with pytest.raises(ValueError, match="2 spatial axes, not 3"):
        small()(torch.zeros(1, 1, 188, 188, 188))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels(channels):
    net = small(channels=channels, depth=2)
    assert net(torch.randn(2, channels, 44, 48)).shape == (2, 2, 4, 8)


@pytest.mark.parametrize("classes", [2, 3, 255])
def test_classes(classes):
    assert small(classes=classes, depth=1)(torch.randn(1, 1, 18, 20)).shape == (1, classes, 2, 4)


@pytest.mark.parametrize("norm", [False, True])
def test_three_axes(norm):
    net = small(axes=3, depth=1, norm=norm, channels=2, classes=3)
    x = torch.randn(1, 2, 18, 20, 22)
    with torch.inference_mode():
        out = net(x)
        assert out.shape == (1, 3, 2, 4, 6)
        torch.testing.assert_close(net.folded()(x), out, rtol=1e-4, atol=1e-5)


def test_folded_equals_evaluation_and_leaves_the_original_alone():
    net = small(norm=True, depth=3).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    folded = net.folded()
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    assert not any(p.requires_grad for p in folded.parameters())
    assert not folded.training
    assert not folded.norm
    assert net.training
    assert net.norm
    assert all(p.requires_grad for p in net.parameters())
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    x = torch.randn(2, 1, 100, 92)
    with torch.inference_mode():
        torch.testing.assert_close(folded(x), net.eval()(x), rtol=1e-4, atol=1e-5)


def test_folded_weights_fit_a_network_without_batch_norm():
    folded = small(norm=True, depth=2).folded()
    plain = small(depth=2)
    plain.load_state_dict(folded.state_dict())
    x = torch.randn(1, 1, 44, 44)
    torch.testing.assert_close(plain(x), folded(x))


def seen_by(pixel: int, depth: int) -> range:
    """Input pixels along one axis that an output pixel depends on, by going back layer by layer."""
    low = high = pixel
    for _ in range(depth):  # two 3×3 convolutions, and the up-convolution
        low, high = low // 2, (high + 4) // 2
    high += 4
    for _ in range(depth):  # the pooling, and two 3×3 convolutions
        low, high = 2 * low, 2 * high + 1 + 4
    return range(low, high + 1)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_each_output_pixel_sees_its_surroundings_and_nothing_else(depth):
    net = small(depth=depth, width=2).double()
    for p in net.parameters():  # no ReLU hides a change, and none cancels out
        p.data = p.data.abs() + 0.01
    size = net.valid_input_size((2 * net.stride,))[0]
    base = torch.rand(1, 1, size, size, dtype=torch.float64)
    with torch.inference_mode():
        out = net(base)
        for column in range(size):
            changed = base.clone()
            changed[0, 0, size // 2, column] += 100
            hit = (net(changed) != out).any(1)[0].any(0)
            assert hit.tolist() == [column in seen_by(o, depth) for o in range(len(hit))]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_skip_connection_is_cropped_to_its_centre(depth):
    """With the way up from below cut off, an output pixel sees 4 px around it: the two pairs."""
    net = small(depth=depth, width=2).double()
    for p in net.parameters():
        p.data = p.data.abs() + 0.01
    nn.init.zeros_(net.up[-1].weight)
    size = net.valid_input_size((net.stride,))[0]
    base = torch.rand(1, 1, size, size, dtype=torch.float64)
    with torch.inference_mode():
        out = net(base)
        for column in range(size):
            changed = base.clone()
            changed[0, 0, size // 2, column] += 100
            hit = (net(changed) != out).any(1)[0].any(0)
            seen = [abs(o + net.margin - column) <= 4 for o in range(len(hit))]
            assert hit.tolist() == seen


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4, 5])
def test_the_margin_is_just_what_an_output_window_needs(depth):
    with torch.device("meta"):
        net = UNet(1, 2, width=1, depth=depth)
    size = net.valid_input_size((3 * net.stride,))[0]
    last = net.output_size((size,))[0] - 1
    assert seen_by(0, depth).start == 0
    assert seen_by(last, depth).stop == size
    assert seen_by(net.stride, depth).start == net.stride  # so a tile may start there


def test_gradients_reach_every_parameter():
    net = small(norm=True, depth=2).train()
    net(torch.randn(2, 1, 48, 48)).square().mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


def test_names_of_the_weights_are_stable():
    """Model files on disk name them: a change here breaks every one."""
    names = set(small(norm=True, depth=1).state_dict())
    pairs = [f"{pair}.{i}" for pair in ("down.0", "down.1", "merge.0") for i in (0, 3)]
    norms = [f"{pair}.{i}" for pair in ("down.0", "down.1", "merge.0") for i in (1, 4)]
    counters = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    wanted = {f"{p}.weight" for p in pairs} | {f"{n}.{c}" for n in norms for c in counters}
    assert names == wanted | {"up.0.weight", "up.0.bias", "head.weight", "head.bias"}


# -- sides and working scale --------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("shrink", [1, 2, 4])
def test_sides_and_scale_make_no_seams(depth, shrink):
    """A tile anywhere on the grid gives what the whole image gives there."""
    local = depth > 1
    net = UNet(1, 3, width=2, depth=depth, norm=True, side=3, local=local, shrink=shrink)
    grid = net.double().eval().grid
    whole, part, at = grid.input(4 * grid.stride), grid.input(grid.stride), 2 * grid.stride
    image = torch.randn(1, 1, whole, whole, dtype=torch.float64)
    with torch.inference_mode():
        wanted = net(image)
        found = net(image[:, :, at : at + part, at : at + part])
    size = found.shape[2]
    assert found.shape[2:] == (part - 2 * grid.margin,) * 2
    wanted = wanted[:, :, at : at + size, at : at + size]
    torch.testing.assert_close(found[:, :, : wanted.shape[2], : wanted.shape[3]], wanted)


def test_sides_bring_every_deeper_level_to_the_last_layer():
    net = UNet(1, 2, width=4, depth=4, side=3)
    assert net.head.weight.shape[1] == 4 + 3 * 3
    assert [s.weight.shape[1] for s in net.sides] == [32, 16, 8]


@pytest.mark.parametrize("shrink", [1, 2])
def test_the_last_layer_may_see_the_image_itself(shrink):
    net = UNet(2, 3, width=2, depth=2, local=True, shrink=shrink).eval()
    image = torch.randn(1, 2, *2 * [net.grid.input(8)])
    weight, bias = torch.randn(3, 2 + count_local(2)), torch.randn(3)
    net.set_last_layer(weight, bias)
    for kept, given in zip(net.last_layer(), (weight, bias), strict=True):
        assert torch.equal(kept, given)
    with torch.inference_mode():
        seen = net.features(image)
        assert torch.equal(seen[:, 2:], local_features(image, seen.shape[2:]))
        wanted = torch.einsum("kd,ndyx->nkyx", weight, seen) + bias[:, None, None]
        torch.testing.assert_close(net(image), wanted)


def test_local_features_need_a_margin():
    with pytest.raises(ValueError, match="not deep enough"):
        UNet(1, 2, width=2, depth=1, local=True)


def test_a_shrunk_network_sees_the_mean_of_pixels():
    net = UNet(1, 2, width=2, depth=1, shrink=2).eval()
    size = net.grid.input(8)
    image = torch.randn(1, 1, size, size)
    blurred = torch.nn.functional.avg_pool2d(image, 2).repeat_interleave(2, 2)
    with torch.inference_mode():
        torch.testing.assert_close(net(image), net(blurred.repeat_interleave(2, 3)))
