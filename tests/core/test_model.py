from __future__ import annotations

import contextlib
import io
import json
import pickle
import struct
import subprocess
import sys
import textwrap

import msgspec
import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet import __version__
from napari_unet.core import model as module
from napari_unet.core.device import cores
from napari_unet.core.front import read_header
from napari_unet.core.header import FORMAT, ModelError
from napari_unet.core.image import ImageError
from napari_unet.core.model import Model, bundled, load
from napari_unet.core.precision import predictor_for
from napari_unet.core.settings import Compute, Settings, changed
from napari_unet.core.unet import UNet

KEY = "napari-unet"
CPU = Compute(device="cpu", threads=1, mirrors=False)


@pytest.fixture(autouse=True)
def _precise(monkeypatch):
    """Which precision is faster is no matter of these tests."""
    monkeypatch.setattr("napari_unet.core.device._precision", lambda name: torch.float32)


@pytest.fixture
def model(small_net):
    kept = changed(Settings(), "training", learning_rate=0.002, seed=7)
    return Model.of(small_net(1, 3), ("ground", "cell", "wall"), kept, {"steps": 12})


def with_header(model, change):
    """The model file's bytes with a changed header of ours."""
    state = {k: v.contiguous() for k, v in model.net.state_dict().items() if "num_batches" not in k}
    header = json.loads(msgspec.json.encode(model.header))
    change(header)
    return safetensors.torch.save(state, metadata={KEY: json.dumps(header)})


# -- same file, same labels ------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(70, 45), (1, 30)])
def test_saving_loading_and_predicting_reproduces_the_labels(model, tmp_path, shape):
    image = np.random.default_rng(0).normal(100, 20, shape)
    before = model.segment(image, compute=CPU)
    model.save(tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    assert np.array_equal(again.segment(image, compute=CPU), before)
    assert before.dtype == np.uint8
    assert before.shape == shape
    assert set(np.unique(before)) <= {1, 2, 3}
    assert again.to_bytes() == model.to_bytes()


def test_the_header_comes_back_whole(model, tmp_path):
    model.save(tmp_path / "m.safetensors")
    header = load(tmp_path / "m.safetensors").header
    assert header == model.header
    assert header.classes == ("ground", "cell", "wall")
    assert header.settings.training.learning_rate == 0.002
    assert header.made["steps"] == 12
    assert "T" in header.made["date"]
    assert header.program.endswith(__version__)


def test_segment_uses_what_is_asked_for_and_repeats_itself(model):
    image = np.random.default_rng(0).normal(size=(50, 40))
    first = model.segment(image)
    assert np.array_equal(model.segment(image), first)
    assert np.array_equal(model.segment(image[::-1, ::-1]), model.segment(image[::-1, ::-1]))


def test_mirror_images_are_averaged_unless_told_otherwise(model):
    image = np.random.default_rng(0).normal(size=(50, 40))
    plain, mean = (model.segment(image, compute=Compute(mirrors=m)) for m in (False, True))
    assert not np.array_equal(plain, mean)
    assert np.array_equal(model.segment(image), mean)


def test_an_image_does_not_depend_on_the_one_before(model):
    one, two = np.random.default_rng(0).normal(size=(2, 40, 40))
    wanted = model.segment(two)
    model.segment(one)
    assert np.array_equal(model.segment(two), wanted)


def test_colour_images(small_net):
    model = Model.of(small_net(3, 2), (), Settings())
    image = np.random.default_rng(0).integers(0, 255, (30, 40, 4), np.uint8)
    found = model.segment(image)
    assert found.shape == (30, 40)
    assert np.array_equal(found, model.segment(image[..., :3], rgb=True))


def test_another_number_of_channels_is_refused(model):
    with pytest.raises(
        ImageError, match="trained on images of 1 channel, this image has 3: choose"
    ):
        model.segment(np.random.default_rng(0).random((20, 20, 3)))


def test_an_image_without_contrast_is_refused(model):
    with pytest.raises(ImageError, match="same value"):
        model.segment(np.zeros((20, 20)))


@pytest.mark.parametrize("compute", [None, CPU])
def test_a_network_is_made_ready_once_for_a_device(model, monkeypatch, compute):
    made = []
    monkeypatch.setattr(module, "predictor_for", lambda *a: made.append(a) or predictor_for(*a))
    image = np.random.default_rng(0).normal(size=(30, 30))
    for _ in range(3):
        model.segment(image, compute=compute)
    assert len(made) == 1
    model.segment(image, compute=Compute(device="cpu", threads=cores() + 1))
    assert len(made) == 2


# -- storage ---------------------------------------------------------------------------------


def test_half_precision_halves_the_file_and_hardly_changes_labels(model):
    full, half = model.to_bytes(), model.to_bytes(torch.float16)
    assert len(half) < 0.65 * len(full)
    again = Model.from_bytes(half)
    assert all(p.dtype == torch.float32 for p in again.net.parameters())
    image = np.random.default_rng(0).normal(size=(60, 60))
    same = model.segment(image, compute=CPU) == again.segment(image, compute=CPU)
    assert same.mean() > 0.98


def test_the_bundled_file_is_small():
    model = bundled("compact")
    assert model is not None
    assert len(model.to_bytes(torch.float16)) < 20e6
    assert bundled("paper") is None


def test_saving_replaces_in_one_step_and_leaves_nothing_else(model, small_net, tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"older")
    model.save(str(path))
    Model.of(small_net(2, 2), (), Settings()).save(path)
    assert load(path).header.shape.in_channels == 2
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_failed_save_keeps_the_old_file_and_leaves_no_part(model, tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"older")

    def full(self, target):
        raise OSError("No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="No space"):
        model.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]
    assert path.read_bytes() == b"older"


def test_counters_of_batch_norm_are_not_stored(model):
    state = safetensors.torch.load(model.to_bytes())
    assert not [k for k in state if "num_batches_tracked" in k]
    assert [k for k in state if "running_mean" in k]


# -- what is not a model ---------------------------------------------------------------------


def evil():
    class Evil:
        def __reduce__(self):
            return (exec, ("raise SystemExit('code of a stranger ran')",))

    return pickle.dumps(Evil())


NO_MODELS = {
    "empty": b"",
    "one byte": b"\x00",
    "text": b"PK\x03\x04 this is a zip, not a model" * 9,
    "pickle": evil(),
    "zeros": bytes(1000),
    "other safetensors": safetensors.torch.save({"a": torch.zeros(3)}),
    "other metadata": safetensors.torch.save({"a": torch.zeros(3)}, metadata={"by": "someone"}),
    "our key, no JSON": safetensors.torch.save({}, metadata={KEY: "hello"}),
    "a checksum that is none": struct.pack("<Q", 64)
    + b'{"__metadata__":{"napari-unet":"{\\"format\\":1}","checksum":[1]}}',
    "our key, a list": safetensors.torch.save({}, metadata={KEY: "[1]"}),
    "our key, no format": safetensors.torch.save({}, metadata={KEY: "{}"}),
    "header longer than the file": struct.pack("<Q", 1 << 62) + b"{}",
    "metadata is a number": struct.pack("<Q", 18) + b'{"__metadata__":1}',
    "nested without end": struct.pack("<Q", 100_005) + b'{"a":' + b"[" * 100_000,
}


@pytest.mark.parametrize("data", NO_MODELS.values(), ids=NO_MODELS.keys())
def test_what_is_not_a_model_is_refused_with_a_sentence(data, tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"not a napari-unet model\. Choose a \.safetensors"):
        load(path)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data):
    with pytest.raises(ModelError):
        Model.from_bytes(data)


def test_a_file_cut_anywhere_is_refused(model):
    data = model.to_bytes()
    for length in [*range(0, 200, 7), len(data) // 2, len(data) - 1]:
        with pytest.raises(ModelError):
            Model.from_bytes(data[:length])


@given(st.integers(0, 3000), st.integers(0, 255))
@settings(max_examples=150, deadline=None)
def test_a_damaged_byte_gives_a_model_or_a_sentence(damaged_model, place, value):
    data = bytearray(damaged_model)
    data[place % len(data)] = value
    with contextlib.suppress(ModelError):
        found = Model.from_bytes(bytes(data))
        assert found.net.classes == found.header.shape.classes


@pytest.fixture(scope="module")
def damaged_model():
    torch.manual_seed(0)
    return Model.of(UNet(1, 2, width=1, depth=1), (), Settings()).to_bytes()


class Watched(io.BytesIO):
    """A file that knows how much of it was read."""

    taken = 0

    def read(self, size=-1):
        data = super().read(size)
        self.taken += len(data)
        return data


def test_nothing_but_the_header_is_read_of_a_file_that_cannot_be_used(model):
    data = model.to_bytes()
    (length,) = struct.unpack_from("<Q", data)
    other = with_header(model, lambda h: h["shape"].update(width=5))
    for damaged in (data + b"!", data[:-1], other):
        stream = Watched(damaged)
        with pytest.raises(ModelError, match="damaged"):
            Model.read(stream)
        assert stream.taken < length + 100
    endless = Watched(struct.pack("<Q", 1 << 25) + bytes(1 << 25))
    with pytest.raises(ModelError, match="not a napari-unet model"):
        Model.read(endless)
    assert endless.taken == 8


@pytest.mark.parametrize("change", ["overlap", "gap", "another type", "backwards"])
def test_weights_that_contradict_the_header(damaged_model, change):
    (length,) = struct.unpack_from("<Q", damaged_model)
    outer = json.loads(damaged_model[8 : 8 + length])
    tensor = outer["head.weight"]
    start, stop = tensor["data_offsets"]
    tensor.update({
        "overlap": {"data_offsets": [start - 4, stop - 4]},
        "gap": {"data_offsets": [start + 4, stop + 4]},
        "another type": {"dtype": "I32"},
        "backwards": {"data_offsets": [stop, start]},
    }[change])  # fmt: skip
    text = json.dumps(outer).encode()
    with pytest.raises(ModelError, match="damaged: its header contradicts itself"):
        Model.from_bytes(struct.pack("<Q", len(text)) + text + damaged_model[8 + length :])


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        load(tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match="cannot be read"):
        load(tmp_path)


def test_a_newer_format_asks_for_an_update(model):
    data = with_header(model, lambda h: h.update(format=FORMAT + 1, new={"anything": 1}))
    with pytest.raises(ModelError, match=f"format {FORMAT + 1}, newer .* update napari-unet-live"):
        Model.from_bytes(data)


def test_an_unknown_field_of_the_header_is_no_obstacle(model):
    data = with_header(model, lambda h: h.update(note="later versions may say more"))
    assert Model.from_bytes(data).header.shape == model.header.shape


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 100_000),
        ("width", 0),
        ("width", -4),
        ("depth", 60),
        ("depth", 0),
        ("classes", 1),
        ("classes", 256),
        ("in_channels", 10**12),
        ("axes", 7),
        ("width", 256),
        ("depth", 3),
        ("in_channels", 2),
        ("norm", False),
    ],
)
def test_sizes_that_make_no_sense_or_do_not_fit_the_weights(model, field, value):
    data = with_header(model, lambda h: h["shape"].update({field: value}) or h.update(classes=[]))
    with pytest.raises(ModelError, match=r"This model file('s header)? is damaged"):
        Model.from_bytes(data)


MISUNDERSTOOD = "cannot be understood .* newer version wrote it, then update .* damaged, then use"


@pytest.mark.parametrize("value", [None, "wide", 2.5, [1]])
def test_sizes_that_are_no_numbers(model, value):
    data = with_header(model, lambda h: h["shape"].update(width=value))
    with pytest.raises(ModelError, match=MISUNDERSTOOD):
        Model.from_bytes(data)


def test_a_network_of_a_newer_kind_asks_for_an_update(model):
    data = with_header(model, lambda h: h["shape"].update(attention=True))
    with pytest.raises(ModelError, match=MISUNDERSTOOD):
        Model.from_bytes(data)


def test_settings_of_a_newer_version_are_no_obstacle(model):
    data = with_header(model, lambda h: h["settings"]["training"].update(tempo="presto"))
    assert Model.from_bytes(data).header == model.header


def test_volumes_are_refused_until_they_can_be_segmented():
    net = UNet(1, 2, width=1, depth=1, axes=3)
    with pytest.raises(ModelError, match="segments volumes, which this version cannot do yet"):
        Model.from_bytes(Model.of(net, (), Settings()).to_bytes())


def test_names_must_be_as_many_as_classes(model):
    data = with_header(model, lambda h: h.update(classes=["a", "b"]))
    with pytest.raises(ModelError, match="make no sense"):
        Model.from_bytes(data)


def test_settings_out_of_bounds_are_refused(model):
    data = with_header(model, lambda h: h["settings"]["training"].update(patch=10**9))
    with pytest.raises(ModelError, match=MISUNDERSTOOD):
        Model.from_bytes(data)


def test_weights_of_another_name_are_refused(model):
    state = {k: v.contiguous() for k, v in model.net.state_dict().items() if "num_batches" not in k}
    state["head.wight"] = state.pop("head.weight")
    text = msgspec.json.encode(model.header).decode()
    with pytest.raises(ModelError, match="do not fit its own header"):
        Model.from_bytes(safetensors.torch.save(state, metadata={KEY: text}))


def test_reading_the_header_alone_is_enough_to_describe_a_model(model):
    assert read_header(model.to_bytes()) == model.header


ABSURD = """
import json, resource, struct, sys
import torch
from napari_unet.core.header import ModelError
from napari_unet.core.model import load

shape = {"in_channels": 256, "classes": 255, "width": 256, "depth": 4, "axes": 2, "norm": True}
ours = {"format": 1, "program": "x", "shape": shape}
entry = {"dtype": "F32", "shape": [10**5, 10**5, 3], "data_offsets": [0, 12 * 10**10]}
outer = {"__metadata__": {"napari-unet": json.dumps(ours)}, "head.weight": entry}
text = json.dumps(outer).encode()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for behind in (0, 10**9, 12 * 10**10):
    with open(sys.argv[1], "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(file.tell() + behind)  # takes no room on the disk
    try:
        load(sys.argv[1])
    except ModelError as error:
        print(error)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print("MiB", grown / (1 << (20 if sys.platform == "darwin" else 10)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured with resource")
def test_a_header_that_asks_for_100_gb_gets_little(tmp_path):
    """Sizes are compared before anything is read or made, even where the file is that long."""
    script = tmp_path / "absurd.py"
    script.write_text(textwrap.dedent(ABSURD), encoding="utf-8")
    call = [sys.executable, str(script), str(tmp_path / "m.safetensors")]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    *sentences, grown = done.stdout.splitlines()
    assert ["damaged" in sentence for sentence in sentences] == [True] * 3
    assert float(grown.split()[1]) < 100


def test_a_changed_weight_is_told():
    data = bytearray(Model.of(UNet(1, 2, width=4, depth=1), ("a", "b"), Settings()).to_bytes())
    Model.from_bytes(bytes(data))
    data[-2] ^= 1
    with pytest.raises(ModelError, match="damaged: its checksum does not fit"):
        Model.from_bytes(bytes(data))


def test_a_changed_header_is_told():
    data = Model.of(UNet(1, 2, width=4, depth=1), ("ab", "cd"), Settings()).to_bytes()
    with pytest.raises(ModelError, match="damaged: its checksum does not fit"):
        Model.from_bytes(data.replace(b'\\"ab\\"', b'\\"ax\\"'))
