from __future__ import annotations

import os

import pytest
import torch
from torch import nn

from napari_unet.core import device as module
from napari_unet.core.device import Device, DeviceError, choose, cores
from napari_unet.core.settings import Compute


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def machine(monkeypatch):
    """A machine with these devices, and so many cores."""

    def have(*names, count=8):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in names)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: "bf16" in names)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in names)
        monkeypatch.setattr(module, "cores", lambda: count)
        module._precision.cache_clear()

    yield have
    module._precision.cache_clear()


@pytest.mark.parametrize(
    ("there", "chosen"),
    [((), "cpu"), (("mps",), "mps"), (("cuda",), "cuda"), (("cuda", "mps"), "cuda")],
)
def test_auto_takes_a_gpu_where_there_is_one(machine, there, chosen):
    machine(*there)
    assert choose(Compute()).name == chosen


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused_with_a_way_out(machine, name):
    machine()
    with pytest.raises(DeviceError, match=f"no {name} device on this machine: choose auto or cpu"):
        choose(Compute(device=name))


def test_the_cpu_can_be_asked_for_beside_a_gpu(machine):
    machine("cuda")
    assert choose(Compute(device="cpu")).name == "cpu"


@pytest.mark.parametrize(
    ("threads", "spare", "count", "wanted"),
    [(0, 1, 8, 7), (0, 0, 8, 8), (3, 1, 8, 3), (0, 1, 1, 1)],
)
def test_a_core_is_left_to_the_window_unless_threads_are_fixed(
    machine, threads, spare, count, wanted
):
    machine(count=count)
    assert choose(Compute(threads=threads), spare=spare).threads == wanted
    assert torch.get_num_threads() == wanted


def test_a_refused_device_leaves_the_threads_alone(machine):
    machine()
    torch.set_num_threads(2)
    with pytest.raises(DeviceError):
        choose(Compute(device="cuda", threads=1))
    assert torch.get_num_threads() == 2


def test_cores_are_those_that_this_process_may_use():
    assert 1 <= cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("slow", "precision"), [(2.0, torch.bfloat16), (1.1, torch.float32), (0.5, torch.float32)]
)
def test_half_precision_is_used_only_where_it_is_much_faster(machine, monkeypatch, slow, precision):
    machine()
    monkeypatch.setattr(module, "_seconds", lambda dtype: slow if dtype == torch.float32 else 1.0)
    assert choose(Compute(device="cpu")).precision == precision


@pytest.mark.parametrize(("asked", "wanted"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
@pytest.mark.parametrize("there", ["cpu", "cuda"])
def test_a_pinned_precision_is_not_measured(machine, monkeypatch, asked, wanted, there):
    machine(there)
    monkeypatch.setattr(module, "_seconds", lambda dtype: 1 / 0)
    assert choose(Compute(precision=asked)).precision == wanted


@pytest.mark.parametrize(
    ("there", "asked", "allowed"),
    [
        ((), {}, True),
        ((), {"accelerate": False}, False),
        ((), {"precision": "fp32"}, False),
        ((), {"precision": "bf16"}, False),
        (("cuda",), {}, False),
        (("cuda",), {"device": "cpu"}, True),
    ],
)
def test_another_library_may_predict_on_a_cpu_whose_precision_is_open(
    machine, there, asked, allowed
):
    machine(*there)
    assert choose(Compute(**asked)).accelerate == allowed


@pytest.mark.parametrize(
    ("there", "precision"),
    [
        (("cuda", "bf16"), torch.bfloat16),
        (("cuda",), torch.float16),
        (("mps",), torch.float32),
    ],
)
def test_gpus_have_their_own_precision(machine, there, precision):
    machine(*there)
    assert choose(Compute()).precision == precision


def test_precision_is_measured_once_a_process(machine, monkeypatch):
    machine()
    calls = []
    monkeypatch.setattr(module, "_seconds", lambda dtype: calls.append(dtype) or 1.0)
    for _ in range(3):
        choose(Compute(device="cpu"))
    assert len(calls) == 2


def test_the_measurement_itself_works():
    assert 0 < module._seconds(torch.float32) < 10


def test_weights_stay_exact_while_activations_are_mixed():
    device = Device("cpu", torch.bfloat16, 1)
    net = device.put(nn.Conv2d(8, 8, 3))
    with device.precise():
        out = net(device.tensor(torch.ones(1, 8, 5, 5)))
    assert net.weight.dtype == torch.float32
    assert out.dtype == torch.bfloat16
    assert device.said == "bfloat16"


def test_full_precision_is_left_alone(cpu):
    net = cpu.put(nn.Conv2d(8, 8, 3))
    images = torch.randn(2, 8, 9, 9)
    with cpu.precise():
        found = net(cpu.tensor(images))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, nn.functional.conv2d(images, net.weight, net.bias))


def test_the_layout_is_that_of_fast_convolutions(cpu):
    weight = cpu.put(nn.Conv2d(8, 8, 3)).weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    images = cpu.tensor(torch.randn(2, 3, 6, 6))
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_free_memory_of_the_machine():
    assert 1 << 20 < Device("cpu", torch.float32, 1).free < 1 << 50


def test_free_memory_of_a_gpu_counts_what_pytorch_keeps(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1000, 9000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 500)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 200)
    assert Device("cuda", torch.float16, 1).free == 1300
