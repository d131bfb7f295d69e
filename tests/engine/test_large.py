"""Planes too large for arrays of their own size: only what is painted or seen is read."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_unet.core import image as image_module
from napari_unet.core.annotations import Annotations
from napari_unet.core.image import measure
from napari_unet.engine import live, squares
from napari_unet.engine import messages as m
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.live import around
from napari_unet.engine.session import Session
from napari_unet.engine.supply import Supply

CLASSES = ("ground", "disk")
SIDE = 1500


@pytest.fixture
def slide():
    """Bright disks on dark ground, and strokes of both classes in two squares far apart."""
    y, x = np.mgrid[:SIDE, :SIDE]
    truth = np.where(np.hypot(y % 100 - 50, x % 100 - 50) < 25, 2, 1).astype(np.uint8)
    noise = np.random.default_rng(0).normal(0, 8, truth.shape)
    image = (np.where(truth == 2, 150, 70) + noise).astype(np.float32)
    paint = np.zeros_like(truth)
    for corner in (100, 1200):
        paint[corner : corner + 4, corner : corner + 100] = 1
        paint[corner + 45 : corner + 55, corner + 40 : corner + 60] = 2
    assert (truth[paint > 0] == paint[paint > 0]).all()
    return image[None], Annotations.of(paint), truth


@pytest.fixture
def drive(small, quick, slide, monkeypatch):
    """A session that is offered the slide; what it asked for is kept."""
    monkeypatch.setattr(image_module, "LARGE", 1 << 20)
    monkeypatch.setattr(squares, "_SIDE", 512)
    monkeypatch.setattr(live, "_MARGIN", 64)
    raw, paint, _ = slide

    def start(*more, box=(110, 110, 310, 310), failing=lambda: ""):
        asked = []

        def answer(wanted):
            asked.append(wanted.box)
            y0, x0, y1, x1 = wanted.box
            pixels = None if failing() else raw[:, y0:y1, x0:x1]
            supply.deliver(m.Pixels(wanted.plane, wanted.box, pixels, failing()))

        supply = Supply(answer)
        session = Session(spare=0, supply=supply)
        inbox = Inbox(
            m.Configure(CLASSES, quick(patch=60)),
            m.Offer("a", raw.shape, raw.dtype.str, measure(raw)),
            m.Look("a", box),
            m.Annotate("a", paint),
            *more,
        )
        return session, inbox, session.run(inbox), asked

    return start


def until(events, kind, most=400):
    heard = []
    for event in events:
        heard.append(event)
        if isinstance(event, kind):
            return heard
        assert len(heard) < most
    return heard


def test_only_what_is_painted_and_seen_is_read(drive, slide):
    session, _, events, asked = drive()
    heard = until(events, m.Idle)
    truth, shown = slide[2], np.zeros((SIDE, SIDE), np.uint8)
    for event in heard:
        if isinstance(event, m.Predicted):
            h, w = event.labels.shape
            shown[event.y : event.y + h, event.x : event.x + w] = event.labels
    seen = (slice(110, 310), slice(110, 310))
    assert (shown[seen] == truth[seen]).mean() > 0.85
    assert not shown[516:, :].any()  # nobody looks there
    read = {
        (y, x) for y0, x0, y1, x1 in asked for y in range(y0, y1, 256) for x in range(x0, x1, 256)
    }
    assert len(read) < 36
    assert set(session.bench.trainer.splits) == {"a@0,0", "a@1024,1024"}


def test_it_trains_on_all_squares_and_paint_that_is_gone_is_forgotten(drive, slide):
    session, inbox, events, _ = drive(m.Train())
    until(events, m.Trained)
    one = Annotations.of(np.where(np.arange(SIDE)[:, None] < 600, slide[1].dense(), 0))
    inbox.post(m.Annotate("a", one))
    until(events, m.Answered)
    assert set(session.bench.trainer.splits) == {"a@0,0"}
    inbox.post(m.Close("a"))
    until(events, m.Idle)
    assert not session.bench.trainer.pictures
    assert not session.bench.trainer.splits


def test_what_was_held_out_stays_held_out_in_a_new_trainer(drive):
    session, inbox, events, _ = drive()
    until(events, m.Idle)
    before = {name: part.held.copy() for name, part in session.bench.trainer.splits.items()}
    inbox.post(m.Configure((*CLASSES, "third"), session.bench.settings))
    until(events, m.Idle)
    after = session.bench.trainer.splits
    assert session.bench.trainer.base.classes == 3
    assert {name: part.held.tolist() for name, part in after.items()} == {
        name: held.tolist() for name, held in before.items()
    }


def test_the_features_of_a_square_are_those_of_its_plane(drive):
    session, _, events, _ = drive()
    until(events, m.Idle)
    large = session.bench.trainer
    picture = large.pictures["a"]
    square = large.pictures["a@1024,1024"]
    tile = large.predictor.tiles(square)[0]
    moved = tile.moved((1024, 1024))
    assert torch.equal(
        large.predictor.features("own", square, tile),
        large.predictor.features("all", picture, moved),
    )


def test_looking_elsewhere_predicts_there_and_nothing_twice(drive):
    _, inbox, events, _ = drive()
    first = [e for e in until(events, m.Idle) if isinstance(e, m.Predicted)]
    inbox.post(m.Look("a", (900, 900, 1100, 1100)))
    second = [e for e in until(events, m.Idle) if isinstance(e, m.Predicted)]
    inbox.post(m.Look("a", (110, 110, 310, 310)))
    third = [e for e in until(events, m.Idle) if isinstance(e, m.Predicted)]
    places = [{(e.y, e.x) for e in part} for part in (first, second)]
    assert places[0]
    assert places[1] - places[0]
    assert not third


def test_pixels_that_do_not_come_end_no_session(drive):
    broken = []
    _, inbox, events, _ = drive(failing=lambda: broken[0] if broken else "")
    until(events, m.Idle)
    broken.append("The disk is gone.")
    inbox.post(m.Look("a", (900, 900, 1100, 1100)))
    heard = until(events, m.Idle)
    assert [e.sentence for e in heard if isinstance(e, m.Refused)] == ["The disk is gone."]
    broken.clear()
    inbox.post(m.Look("a", (100, 900, 300, 1100)))
    assert any(isinstance(e, m.Predicted) for e in until(events, m.Idle))


def test_a_place_to_paint_is_told_in_pixels_of_the_plane(drive):
    _, inbox, events, _ = drive(box=(900, 900, 1300, 1300))
    until(events, m.Idle)
    inbox.post(m.Suggest())
    suggested = until(events, m.Suggested)[-1]
    if suggested.place is not None:
        assert all(500 < side < SIDE for side in suggested.place)


def test_the_whole_of_it_is_segmented(drive, slide):
    _, inbox, events, _ = drive()
    until(events, m.Idle)
    inbox.post(m.SegmentImage("a"))
    tiles = [e for e in until(events, m.Idle) if isinstance(e, m.Segmented)]
    assert tiles[-1].done == tiles[-1].total == SIDE * SIDE
    right = sum(
        int(
            (
                slide[2][e.y : e.y + e.labels.shape[0], e.x : e.x + e.labels.shape[1]] == e.labels
            ).sum()
        )
        for e in tiles
    )
    assert right / SIDE**2 > 0.85


def test_what_is_predicted_around_a_view_is_bounded():
    assert around((0, 0, 100, 200)) == (slice(-512, 612), slice(-512, 712))
    for side in around((0, 0, 10**5, 10**5)):
        assert side.stop - side.start == 8192
        assert side.start < 50_000 < side.stop


def test_a_plane_that_is_not_large_is_one_square(small, quick, toy):
    case = toy()
    session = Session(spare=0)
    events = session.run(Inbox(m.Configure(CLASSES, quick()), m.Open("a", case.raw),
                               m.Annotate("a", Annotations.of(case.paint))))  # fmt: skip
    until(events, m.Answered)
    assert set(session.bench.trainer.splits) == {"a"}
    squares.close(session.bench.trainer, "a")
    assert not session.bench.trainer.pictures
