from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest
import torch

from napari_unet.core import compiled as module
from napari_unet.core.compiled import Compiled
from napari_unet.core.device import Device
from napari_unet.core.unet import UNet

SEES = "try:\n    import openvino_telemetry\nexcept ImportError:\n    heard = False\n"


def test_the_messenger_does_not_hear_of_it(tmp_path, monkeypatch):
    """A library that looks for it as OpenVINO does."""
    for name, text in (("openvino", f"{SEES}else:\n    heard = True\n"), (module._MESSENGER, "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [n for n in sys.modules if n.split(".")[0] in ("openvino", module._MESSENGER)]:
        monkeypatch.delitem(sys.modules, name)
    assert module.available()
    assert module.library().heard is False
    assert importlib.import_module(module._MESSENGER)  # others may use it
    del sys.modules["openvino"], sys.modules[module._MESSENGER]
    import openvino

    assert openvino.heard is True
    del sys.modules["openvino"]
    with module._unheard():
        assert sys.modules[module._MESSENGER]  # what is there already stays
    del sys.modules[module._MESSENGER]


def test_without_it_it_is_not_available(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert not module.available()


def net_of(**shape):
    torch.manual_seed(0)
    return UNet(1, 3, width=4, depth=2, **shape).eval().folded()


@pytest.mark.parametrize(
    "shape",
    [{}, {"norm": True, "side": 2, "local": True}, {"shrink": 2}],
    ids=["plain", "compact", "half size"],
)
def test_it_says_what_the_network_says(cpu, shape):
    pytest.importorskip("openvino", reason="needs the extra openvino")
    net = net_of(**shape)
    size = net.valid_input_size((30, 61))
    network, images = Compiled(net, size, cpu), torch.randn(3, 1, 1, *size)
    for image in images:
        with torch.inference_mode():
            wanted = net(image)
        torch.testing.assert_close(network(image), wanted, rtol=1e-3, atol=1e-4)
    turned = images[0].flip(-1)  # not contiguous
    with torch.inference_mode():
        torch.testing.assert_close(network(turned), net(turned), rtol=1e-3, atol=1e-4)


def test_half_precision_says_nearly_the_same(cpu):
    pytest.importorskip("openvino", reason="needs the extra openvino")
    net = net_of()
    size = net.valid_input_size((30, 30))
    image = torch.randn(1, 1, *size)
    found = Compiled(net, size, Device("cpu", torch.bfloat16, 1))(image)
    with torch.inference_mode():
        wanted = net(image)
    assert found.dtype == torch.float32
    assert (found - wanted).abs().mean() < 0.05 * wanted.abs().mean()


def test_the_real_messenger_leaves_no_trace(tmp_path):
    pytest.importorskip("openvino", reason="needs the extra openvino")
    code = (
        "import sys; from napari_unet.core.compiled import library;library(); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"HOME": str(tmp_path)}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert "openvino" in done.stdout.split()
    assert module._MESSENGER not in done.stdout
    assert not list(tmp_path.iterdir())
