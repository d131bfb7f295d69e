from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.project.frames import frame, whole_frames

bodies = st.lists(st.binary(max_size=60), max_size=6)


def read(data):
    return [body for body, _ in whole_frames(io.BytesIO(data))]


@given(bodies)
def test_all_come_back(written):
    data = b"".join(map(frame, written))
    found = list(whole_frames(io.BytesIO(data)))
    assert [body for body, _ in found] == written
    assert not found or found[-1][1] == len(data)


@settings(deadline=None)
@given(bodies)
def test_cut_anywhere_gives_what_was_whole_before(written):
    data = b"".join(map(frame, written))
    ends = [end for _, end in whole_frames(io.BytesIO(data))]
    for cut in range(len(data)):
        assert read(data[:cut]) == written[: sum(end <= cut for end in ends)]


@given(bodies, st.data())
def test_a_changed_bit_gives_what_was_whole_before(written, data):
    whole = bytearray(b"".join(map(frame, written)))
    if not whole:
        return
    ends = [end for _, end in whole_frames(io.BytesIO(bytes(whole)))]
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    assert read(bytes(whole)) == written[: sum(end <= at for end in ends)]


def test_zeros_at_the_end_are_no_records():
    assert read(frame(b"stroke") + bytes(4096)) == [b"stroke"]


@pytest.mark.parametrize("length", [0x7FFFFFFF, 21])
def test_a_length_that_is_not_there_asks_for_no_memory(length):
    asked = []

    class File(io.BytesIO):
        def read(self, size=-1):
            asked.append(size)
            return super().read(size)

    data = length.to_bytes(4, "little") + bytes(4) + bytes(20)
    assert list(whole_frames(File(data))) == []
    assert asked == [8]
