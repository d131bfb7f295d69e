from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_unet.core.annotations import Annotations
from napari_unet.core.settings import Settings
from napari_unet.engine import messages as m
from napari_unet.engine.inbox import Inbox


def opened(plane: str = "a") -> m.Open:
    return m.Open(plane, np.zeros((1, 2, 2)))


def annotated(plane: str = "a") -> m.Annotate:
    return m.Annotate(plane, Annotations((2, 2)))


def looked(plane: str = "a") -> m.Look:
    return m.Look(plane, (0, 0, 1, 1))


def same(taken: list, wanted: list) -> bool:
    """Whether these are the very same commands."""
    return [id(c) for c in taken] == [id(c) for c in wanted]


def test_commands_come_in_order_and_once():
    commands = [
        m.Configure(("a",), Settings()), opened(), annotated(), looked(), m.Train(), m.Reset(),
        m.Restore(b""), m.Export(), m.SegmentImage("a"), m.Cancel(),
    ]  # fmt: skip
    inbox = Inbox(*commands)
    assert same(inbox.take(), commands)
    assert inbox.take() == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (m.Configure(("a",), Settings()), m.Configure(("b",), Settings())),
        (opened(), opened()),
        (opened(), m.Close("a")),
        (m.Close("a"), opened()),
        (annotated(), annotated()),
        (looked("a"), looked("b")),
        (m.Train(), m.Pause()),
        (m.Pause(), m.Train()),
        (m.Reset(), m.Reset()),
        (m.Restore(b"1"), m.Restore(b"2")),
        (m.Export(), m.Export()),
        (m.SegmentImage("a"), m.SegmentImage("b")),
        (m.SegmentFolder("in", "out"), m.SegmentFolder("in", "elsewhere")),
        (m.Cancel(), m.Cancel()),
    ],
    ids=lambda c: type(c).__name__,
)
def test_the_latest_of_a_kind_wins(old, new):
    assert same(Inbox(old, new).take(), [new])


@pytest.mark.parametrize("make", [opened, annotated, m.Close])
def test_planes_do_not_displace_each_other(make):
    commands = [make("a"), make("b")]
    assert same(Inbox(*commands).take(), commands)


@pytest.mark.parametrize(
    ("image", "folder"),
    [(m.SegmentImage("a"), m.SegmentFolder("in", "out")), (m.Cancel("a"), m.Cancel())],
)
def test_an_image_and_a_folder_do_not_displace_each_other(image, folder):
    for commands in ([image, folder], [folder, image]):
        assert same(Inbox(*commands).take(), commands)


def test_what_was_replaced_takes_the_new_ones_turn():
    cancel, last = m.Cancel(), m.SegmentImage("b")
    assert same(Inbox(m.SegmentImage("a"), cancel, last).take(), [cancel, last])


def test_a_new_image_still_comes_before_the_paint_on_it():
    paint, look, image = annotated(), looked(), opened()
    assert same(Inbox(opened(), paint, look, image).take(), [image, paint, look])


def test_a_closed_plane_takes_what_waits_for_it_along():
    others = [opened("b"), annotated("b"), m.Train()]
    close = m.Close("a")
    inbox = Inbox(opened(), annotated(), looked(), m.SegmentImage("a"), *others, close)
    assert same(inbox.take(), [*others, close])


def test_a_plane_can_be_opened_again_after_it_was_closed():
    image, paint = opened(), annotated()
    assert same(Inbox(opened(), annotated(), m.Close("a"), image, paint).take(), [image, paint])


def test_waiting_ends_when_a_command_comes():
    inbox = Inbox()
    threading.Timer(0.05, inbox.post, [m.Train()]).start()
    inbox.wait()
    assert [type(c) for c in inbox.take()] == [m.Train]


def test_waiting_ends_at_once_where_a_command_waits():
    inbox = Inbox(m.Train())
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
