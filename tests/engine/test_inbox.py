from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_unet.core.annotations import Annotations
from napari_unet.core.settings import Settings
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.messages import (
    Annotate,
    Cancel,
    Close,
    Configure,
    Export,
    Look,
    Open,
    Pause,
    Reset,
    Restore,
    SegmentFolder,
    SegmentImage,
    Train,
)


def opened(plane: str = "a") -> Open:
    return Open(plane, np.zeros((1, 2, 2)))


def annotated(plane: str = "a") -> Annotate:
    return Annotate(plane, Annotations((2, 2)))


def looked(plane: str = "a") -> Look:
    return Look(plane, (0, 0, 1, 1))


def same(taken: list, wanted: list) -> bool:
    """Whether these are the very same commands."""
    return [id(c) for c in taken] == [id(c) for c in wanted]


def test_commands_come_in_order_and_once():
    commands = [
        Configure(("a",), Settings()), opened(), annotated(), looked(), Train(), Reset(),
        Restore(b""), Export(), SegmentImage("a"), Cancel(),
    ]  # fmt: skip
    inbox = Inbox(*commands)
    assert same(inbox.take(), commands)
    assert inbox.take() == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Configure(("a",), Settings()), Configure(("b",), Settings())),
        (opened(), opened()),
        (opened(), Close("a")),
        (Close("a"), opened()),
        (annotated(), annotated()),
        (looked("a"), looked("b")),
        (Train(), Pause()),
        (Pause(), Train()),
        (Reset(), Reset()),
        (Restore(b"1"), Restore(b"2")),
        (Export(), Export()),
        (SegmentImage("a"), SegmentImage("b")),
        (SegmentImage("a"), SegmentFolder("in", "out")),
        (Cancel(), Cancel()),
    ],
    ids=lambda c: type(c).__name__,
)
def test_the_latest_of_a_kind_wins(old, new):
    assert same(Inbox(old, new).take(), [new])


@pytest.mark.parametrize("make", [opened, annotated, Close])
def test_planes_do_not_displace_each_other(make):
    commands = [make("a"), make("b")]
    assert same(Inbox(*commands).take(), commands)


def test_what_was_replaced_takes_the_new_ones_turn():
    cancel, last = Cancel(), SegmentImage("b")
    assert same(Inbox(SegmentImage("a"), cancel, last).take(), [cancel, last])


def test_a_new_image_still_comes_before_the_paint_on_it():
    paint, look, image = annotated(), looked(), opened()
    assert same(Inbox(opened(), paint, look, image).take(), [image, paint, look])


def test_a_closed_plane_takes_what_waits_for_it_along():
    others = [opened("b"), annotated("b"), Train()]
    close = Close("a")
    inbox = Inbox(opened(), annotated(), looked(), SegmentImage("a"), *others, close)
    assert same(inbox.take(), [*others, close])


def test_a_plane_can_be_opened_again_after_it_was_closed():
    image, paint = opened(), annotated()
    assert same(Inbox(opened(), annotated(), Close("a"), image, paint).take(), [image, paint])


def test_waiting_ends_when_a_command_comes():
    inbox = Inbox()
    threading.Timer(0.05, inbox.post, [Train()]).start()
    inbox.wait()
    assert [type(c) for c in inbox.take()] == [Train]


def test_waiting_ends_at_once_where_a_command_waits():
    inbox = Inbox(Train())
    inbox.wait()
    assert not inbox.closed


def test_waiting_ends_when_the_sender_is_gone():
    inbox = Inbox()
    threading.Timer(0.05, inbox.close).start()
    inbox.wait()
    assert inbox.closed
    assert inbox.take() == []


def test_nothing_is_lost_between_two_threads():
    """As many kinds as commands: each must arrive, in order."""
    inbox, taken = Inbox(), []
    commands = [annotated(str(n)) for n in range(2000)]

    def send() -> None:
        for command in commands:
            inbox.post(command)
        inbox.close()

    thread = threading.Thread(target=send)
    thread.start()
    while not inbox.closed:
        inbox.wait()
        taken += inbox.take()
    taken += inbox.take()
    thread.join()
    assert same(taken, commands)
