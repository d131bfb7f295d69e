from __future__ import annotations

import io
import mmap
import struct
import typing

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imagecodecs import zstd_encode
from msgspec import msgpack

from napari_unet.core.annotations import Annotations
from napari_unet.core.image import Normalisation
from napari_unet.core.settings import Settings, changed
from napari_unet.engine import codec
from napari_unet.engine import messages as m

PAINT = np.zeros((300, 300), np.uint8)
PAINT[10, 290] = 3
TILE = np.arange(6, dtype=np.uint8).reshape(2, 3)

COMMANDS = [
    m.Configure(("nucleus", "Zellkörper ß"), changed(Settings(), "training", batch=2)),
    m.Open("a", np.arange(12.0).reshape(1, 3, 4)),
    m.Offer("a", (1, 10**5, 10**5), "<u2", Normalisation((1.5,), (2.0,))),
    m.Offer("a", (1, 999, 10**5, 10**5), "<u2", Normalisation((1.5,), (2.0,)), "v", 2.5),
    m.Pixels("a", (0, 1, 2, 4), TILE[None]),
    m.Pixels("a", (5, 0, 1, 6, 2, 4), TILE[None, None]),
    m.Pixels("a", (0, 1, 2, 4), None, "It cannot be read."),
    m.Close("a"),
    m.Annotate("a", Annotations.of(PAINT)),
    m.Annotate("a", Annotations((7, 9))),
    m.Annotate("a", Annotations.of(PAINT), seen=True),
    m.Suggest(),
    m.Look("a", (0, 1, 2, 3)),
    m.Look("a", (0, 1, 2, 3), 2),
    m.Look("a", (0, 1, 2, 3), certainty=True),
    m.Train(),
    m.Pause(),
    m.Reset(),
    m.Restore(b"\x00\xffmodel"),
    m.Export(),
    m.SegmentImage("a"),
    m.SegmentFolder("in", "out", "*.tif", b"model"),
    m.Cancel(),
]
EVENTS = [
    m.Ready("cpu", 2, "bfloat16"),
    m.Idle(),
    m.Wanted("a", (0, 1, 2, 4)),
    m.Wanted("a", (5, 0, 1, 6, 2, 4)),
    m.Predicted("a", 3, 16, 0, TILE),
    m.Predicted("a", 3, 16, 0, TILE, TILE + 1),
    m.Predicted("a", 3, 16, 0, TILE, certainty=TILE + 2),
    m.Swept("a", 3, 1, 9, 2),
    m.Answered(3, 0.25),
    m.Trained(5, 0.125, 0.5),
    m.Judged(5, None, kept=False, seconds=0.1),
    m.Judged(5, 0.75, kept=True, seconds=0.1, shrink=2),
    m.Scored(0.5),
    m.Dealt("a", Annotations((3, 4))),
    m.Suggested("a", (3, 4)),
    m.Suggested("a", None),
    m.Rested("Nothing improves."),
    m.Advised("Paint more."),
    m.Refused("No such file."),
    m.Exported(memoryview(b"model"), asked=True),
    m.Restored(("cell", "rest")),
    m.Segmented("a", 0, 0, TILE, 1, 2),
    m.Segmented("a", 0, 0, TILE, 1, 2, 3, TILE + 1),
    m.FolderFound(("a.tif", "b.tif")),
    m.FileAdvanced("a.tif", 0.5),
    m.FileSegmented("a.tif", "b.tif", 1, 2, 0.5, "broken", skipped=True),
    m.FolderSegmented(1, 2, 3, cancelled=False),
    m.Failed("Oh.", "Traceback"),
    m.Ended(-9, "killed"),
]


def plain(value: object) -> object:
    """Something that can be compared: arrays as dtype, shape and bytes."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, msgspec.Struct):
        return (type(value), *(plain(getattr(value, f)) for f in value.__struct_fields__))
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return value


def through(message: object, *, packed: bool = False) -> object:
    """The message after a journey through the bytes."""
    stream = io.BytesIO()
    codec.write(stream, message, packed=packed)
    stream.seek(0)
    read = codec.read_command if isinstance(message, m.Command) else codec.read_event
    result = read(stream)
    assert read(stream) is None  # not a byte is left
    return result


def frame(body: bytes) -> io.BytesIO:
    return io.BytesIO(struct.pack("<Q", len(body)) + body)


def test_every_message_is_tried():
    assert {type(message) for message in COMMANDS} == set(typing.get_args(m.Command))
    assert {type(message) for message in EVENTS} == set(typing.get_args(m.Event))


@pytest.mark.parametrize("message", [*COMMANDS, *EVENTS], ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("packed", [False, True])
def test_every_message_survives(message, packed):
    assert plain(through(message, packed=packed)) == plain(message)


def test_empty_frames_between_messages_are_skipped():
    stream = io.BytesIO()
    for _ in range(3):
        codec.beat(stream)
        codec.write(stream, m.Train())
    codec.beat(stream)
    stream.seek(0)
    got = list(iter(lambda: codec.read_command(stream), None))
    assert [type(command) for command in got] == [m.Train] * 3


def test_class_maps_and_grey_values_become_smaller_when_they_are_packed():
    stream = io.BytesIO()
    codec.write(stream, m.Predicted("a", 1, 0, 0, np.ones((388, 388), np.uint8)), packed=True)
    assert stream.tell() < 1000
    noisy = np.random.default_rng(0).poisson(800, (1, 256, 256)).astype(np.uint16)
    stream = io.BytesIO()
    codec.write(stream, m.Open("a", noisy), packed=True)
    assert stream.tell() < 0.6 * noisy.nbytes


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        ((4, 4), b"junk"),
        ((4, 4), zstd_encode(bytes(1_000_000))),  # more than it says
        ((4, 4), zstd_encode(bytes(3))),
        ((1 << 40,), zstd_encode(bytes(3))),
        ((-1, 4), zstd_encode(bytes(3))),
    ],
)
def test_what_cannot_be_unpacked_is_no_message(shape, data):
    array = ["|u1", shape, data, True]
    body = msgpack.encode({"type": "Open", "plane": "a", "image": array, "title": ""})
    with pytest.raises(codec.BrokenStreamError):
        codec.read_command(frame(body))


def test_messages_follow_one_another():
    stream = io.BytesIO()
    for event in EVENTS:
        codec.write(stream, event)
    stream.seek(0)
    got = list(iter(lambda: codec.read_event(stream), None))
    assert [plain(e) for e in got] == [plain(e) for e in EVENTS]


@pytest.mark.parametrize(
    "array",
    [
        *[np.arange(24).reshape(1, 4, 6).astype(t) for t in "?bBhHiIqQefdg"],
        np.arange(24, dtype=">u2").reshape(1, 4, 6),
        np.arange(24, dtype=">f8").reshape(1, 4, 6),
        np.arange(96).reshape(2, 6, 8)[:, ::2, ::-3],
        np.arange(24).reshape(4, 6).T[None],
        np.asfortranarray(np.arange(24).reshape(1, 4, 6)),
        np.broadcast_to(np.uint8(7), (1, 4, 6)),
        np.zeros((0, 3, 4)),
        np.zeros((1, 0, 4), np.uint8),
        np.array(5.0),
        np.moveaxis(np.arange(60, dtype=np.uint8).reshape(4, 5, 3), -1, 0),
    ],
    ids=lambda a: f"{a.dtype.str}{a.shape}{'C' if a.flags.c_contiguous else 'strided'}",
)
@pytest.mark.parametrize("packed", [False, True])
def test_arrays_of_every_kind_survive(array, packed):
    result = through(m.Open("a", array), packed=packed).image
    assert result.dtype == array.dtype
    assert result.shape == array.shape
    assert np.array_equal(result, array)


def test_arrays_arrive_read_only():
    """They are views of the frame; who wants to change one copies it."""
    assert not through(m.Open("a", np.zeros((1, 2, 2)))).image.flags.writeable


@pytest.mark.parametrize(
    "array",
    [
        np.array([[None]]),
        np.array([["text"]]),
        np.array([[1j]]),
        np.zeros((1, 1), "m8[s]"),
        np.zeros((1, 1), [("a", "u1")]),
        np.zeros((1, 1), "V3"),
    ],
    ids=lambda a: str(a.dtype),
)
def test_arrays_that_are_no_numbers_are_not_sent(array):
    stream = io.BytesIO()
    with pytest.raises(TypeError, match="do not travel"):
        codec.write(stream, m.Open("a", array))
    assert not stream.getvalue()  # the stream is still whole


def forged(image: object) -> io.BytesIO:
    return frame(msgpack.encode({"type": "Open", "plane": "a", "image": image}))


def test_the_forgery_works_when_it_is_honest():
    assert codec.read_command(forged(["|u1", [1, 2], b"ab"])).image.tolist() == [[97, 98]]


@pytest.mark.parametrize(
    "image",
    [
        ["|O", [1], b"12345678"],
        ["O", [1], b"12345678"],
        ["|V3", [1], b"abc"],
        ["<U1", [1], b"abcd"],
        ["<M8[s]", [1], b"12345678"],
        ["f4,f4", [1], b"12345678"],
        ["(2", [1], b"a"],
        ["<f3", [1], b"abc"],
        ["<u0", [0], b""],
        ["|u1", [3], b"ab"],
        ["|u1", [-1], b"ab"],
        ["|u1", [-1, -2], b"ab"],
        ["|u1", [0, 2**63], b""],
        ["|u1", [0, 2**62, 8], b""],
        ["|u1", [1] * 100, b"a"],
        ["|u1", ["2"], b"ab"],
        ["|u1", [2], "ab"],
        ["|u1", [2]],
        ["|u1", 2, b"ab"],
        [None, [1], b"12345678"],
        [{}, [1], b"a"],
        {"a": 1, "b": 2, "c": 3},
        None,
        7,
        "array",
        [],
    ],
    ids=repr,
)
def test_forged_arrays_are_refused(image):
    with pytest.raises(codec.BrokenStreamError, match="not a message"):
        codec.read_command(forged(image))


def test_the_two_directions_are_not_mixed_up():
    for message, read in ((COMMANDS[0], codec.read_event), (EVENTS[0], codec.read_command)):
        stream = io.BytesIO()
        codec.write(stream, message)
        stream.seek(0)
        with pytest.raises(codec.BrokenStreamError):
            read(stream)


def test_settings_out_of_bounds_are_refused():
    builtins = msgspec.to_builtins(m.Configure(("a",), Settings()))
    builtins["settings"]["training"]["batch"] = 0
    with pytest.raises(codec.BrokenStreamError, match="batch"):
        codec.read_command(frame(msgpack.encode(builtins)))


def test_deep_nesting_is_refused():
    for body in (
        b"\x91" * 100_000,
        b"\x83\xa4type\xa4Open\xa5plane\xa1a\xa5image" + b"\x91" * 10**5,
    ):
        with pytest.raises(codec.BrokenStreamError):
            codec.read_command(frame(body))


def test_an_empty_stream_is_an_end_and_a_cut_one_is_broken():
    whole = io.BytesIO()
    codec.write(whole, COMMANDS[1])
    data = whole.getvalue()
    assert codec.read_command(io.BytesIO(b"")) is None
    for length in range(1, len(data)):
        with pytest.raises(codec.BrokenStreamError, match="ended inside a frame"):
            codec.read_command(io.BytesIO(data[:length]))


def test_a_length_that_cannot_be_is_refused_before_memory_is_asked_for():
    with pytest.raises(codec.BrokenStreamError, match="cannot be right"):
        codec.read_event(io.BytesIO(b"Traceback (most recent call last):"))


def test_a_frame_beyond_memory_is_refused():
    class Small(io.BytesIO):
        def read(self, size: int = -1) -> bytes:
            if size > 1000:
                raise MemoryError
            return super().read(size)

    with pytest.raises(codec.BrokenStreamError, match="5000 bytes does not fit into memory"):
        codec.read_event(Small(struct.pack("<Q", 5000) + b"abc"))


def test_a_large_frame_beyond_memory_is_refused(monkeypatch):
    def none_left(*_):
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr(codec.mmap, "mmap", none_left)
    with pytest.raises(codec.BrokenStreamError, match="2000000 bytes does not fit into memory"):
        codec.read_event(io.BytesIO(struct.pack("<Q", 2_000_000) + b"abc"))


def test_a_large_frame_that_is_cut_is_broken():
    whole = io.BytesIO()
    codec.write(whole, m.Exported(memoryview(bytes(2_000_000)), asked=False))
    for length in (8, 100, 1_500_000, len(whole.getvalue()) - 1):
        with pytest.raises(codec.BrokenStreamError, match="ended inside a frame"):
            codec.read_event(io.BytesIO(whole.getvalue()[:length]))


def test_a_model_is_a_view_of_the_frame_that_brought_it():
    model = np.random.default_rng(0).bytes(2_000_000)
    stream = io.BytesIO()
    codec.write(stream, m.Exported(memoryview(model), asked=False))
    stream.seek(0)
    found = codec.read_event(stream)
    assert isinstance(found.model.obj, mmap.mmap)
    assert found.model == model


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_broken(data):
    for read in (codec.read_command, codec.read_event):
        for stream in (io.BytesIO(data), frame(data)):
            try:
                message = read(stream)
            except codec.BrokenStreamError:
                continue
            assert message is None or isinstance(message, m.Message)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from([*COMMANDS, *EVENTS]), st.integers(0, 10**6), st.integers(0, 255))
def test_one_wrong_byte_is_a_message_or_broken(message, position, value):
    stream = io.BytesIO()
    codec.write(stream, message)
    data = bytearray(stream.getvalue())
    data[8 + position % (len(data) - 8)] = value
    read = codec.read_command if isinstance(message, m.Command) else codec.read_event
    try:
        result = read(io.BytesIO(bytes(data)))
    except codec.BrokenStreamError:
        return
    assert isinstance(result, m.Message)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(["Open", "Annotate", "Configure", "Look", "Nonsense"]),
    st.dictionaries(st.sampled_from(["plane", "image", "annotations", "box", "classes"]), _json),
    st.lists(_json, min_size=3, max_size=3),
)
def test_any_forged_command_is_a_message_or_broken(kind, fields, image):
    for body in (fields, {**fields, "plane": "a", "image": image}):
        try:
            message = codec.read_command(frame(msgpack.encode({"type": kind, **body})))
        except codec.BrokenStreamError:
            continue
        assert isinstance(message, m.Message)


@pytest.mark.parametrize("packed", [False, True])
def test_names_that_are_no_text_are_spelt_out(packed):
    stream = io.BytesIO()
    codec.write(stream, m.Open("a", TILE[None], title="caf\udce9"), packed=packed)
    codec.write(stream, m.Configure(("ok", "\ud800"), Settings()), packed=packed)
    stream.seek(0)
    assert codec.read_command(stream).title == "caf\\udce9"
    assert codec.read_command(stream).classes == ("ok", "\\ud800")
