"""Volumes too large for arrays of their own size: only what is painted or seen is read."""

from __future__ import annotations

from itertools import takewhile

import numpy as np
import pytest
import torch

from napari_unet.core import image as image_module
from napari_unet.core.annotations import Annotations
from napari_unet.core.image import measure
from napari_unet.core.settings import changed
from napari_unet.core.unet import UNet
from napari_unet.engine import live, squares
from napari_unet.engine import messages as m
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.session import Session
from napari_unet.engine.supply import Supply

CLASSES = ("ground", "rod")
SHAPE = (24, 100, 300)
LOOK = m.Look("v", (0, 0, 100, 100), z=4)


@pytest.fixture(scope="module")
def stack():
    """Bright rods that drift from slice to slice in noise, and strokes on slices 3 and 20."""
    z, y, x = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    truth = np.where(np.hypot(y % 60 - 30, (x + z) % 60 - 30) < 15, 2, 1).astype(np.uint8)
    noise = np.random.default_rng(0).normal(0, 8, SHAPE)
    image = (np.where(truth == 2, 150, 70) + noise).astype(np.float32)
    paint = np.zeros(SHAPE, np.uint8)
    for at in (3, 20):
        for top, left in ((0, 0), (60, 240)):
            paint[at, top + 1 : top + 4, left + 5 : left + 55] = 1
            paint[at, top + 26 : top + 34, left + 25 - at : left + 35 - at] = 2
    assert (truth[paint > 0] == paint[paint > 0]).all()
    return image[None], Annotations.of_volume(paint), truth


@pytest.fixture
def deep(monkeypatch, exact):
    """Networks start small, alike, and look at the slices above and below."""

    def start(name, channels, classes, init="bundled", *anisotropy):
        assert anisotropy == (2.5,)
        torch.manual_seed(0)
        return UNet(channels, classes, width=8, depth=1, axes=3, norm=True, dropout=0.0, across=1)

    monkeypatch.setattr("napari_unet.engine.workbench.start", start)


@pytest.fixture
def drive(deep, quick, stack, monkeypatch):
    """A session that is offered the stack, or given it whole; what it asks for is kept."""
    monkeypatch.setattr(live, "_MARGIN", 64)
    monkeypatch.setattr(live, "_SLICES", 2)
    raw, paint, _ = stack

    def start(*more, whole=False, **annotate):
        monkeypatch.setattr(image_module, "LARGE", 1 << (40 if whole else 17))
        asked = []

        def answer(wanted):
            asked.append(wanted.box)
            window = (slice(None), *map(slice, wanted.box[:3], wanted.box[3:]))
            supply.deliver(m.Pixels(wanted.plane, wanted.box, raw[window]))

        supply = Supply(answer)
        session = Session(spare=0, supply=supply)
        offer = m.Offer("v", raw.shape, raw.dtype.str, measure(raw), anisotropy=2.5)
        inbox = Inbox(
            m.Configure(CLASSES, changed(quick(patch=60), "network", working_scale="full")),
            m.Open("v", raw, anisotropy=2.5) if whole else offer,
            LOOK,
            m.Annotate("v", paint, **annotate),
            *more,
        )
        return session, inbox, session.run(inbox), asked

    return start


def rest(events):
    """All that is said until nothing is left to do."""
    return list(takewhile(lambda event: not isinstance(event, m.Idle), events))


def until(events, kind):
    for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError


def segmented(inbox, events):
    """The classes of the whole volume."""
    inbox.post(m.SegmentImage("v"))
    tiles = [event for event in rest(events) if isinstance(event, m.Segmented)]
    assert tiles[-1].done == tiles[-1].total == np.prod(SHAPE)
    found = np.zeros(SHAPE, np.uint8)
    for event in tiles:
        corner = (event.z, event.y, event.x)
        found[tuple(slice(a, a + n) for a, n in zip(corner, event.labels.shape, strict=True))] = (
            event.labels
        )
    return found


def test_the_answer_is_that_of_the_same_volume_as_a_whole(drive, stack):
    found = []
    for whole in (True, False):
        session, inbox, events, asked = drive(whole=whole)
        rest(events)
        assert bool(asked) != whole
        assert session.bench.trainer.pictures["v"].large != whole
        found.append(segmented(inbox, events))
    assert np.array_equal(*found)
    assert min((found[0] == k)[stack[2] == k].mean() for k in (1, 2)) > 0.7


def test_only_what_is_painted_and_seen_is_read(drive, stack):
    session, _, events, asked = drive()
    tiles = [event for event in rest(events) if isinstance(event, m.Predicted)]
    assert {tile.z for tile in tiles} == {2, 3, 4, 5, 6}
    shown = next(tile for tile in reversed(tiles) if tile.z == LOOK.z)
    truth = stack[2][LOOK.z]
    assert min((shown.labels[0] == k)[truth == k].mean() for k in (1, 2)) > 0.7
    assert set(session.bench.trainer.splits) == {"v@3,0,0", "v@20,0,0"}
    assert all(
        split.paint.shape == (1, 100, 300) for split in session.bench.trainer.splits.values()
    )
    most = max(np.prod(np.subtract(box[3:], box[:3])) for box in asked)
    assert most <= 16 * 100 * 300  # two layers of blocks


def test_the_features_of_a_square_are_those_of_its_volume(drive, monkeypatch):
    monkeypatch.setattr(squares, "_SIDE", 256)
    session, _, events, _ = drive()
    rest(events)
    trainer = session.bench.trainer
    assert set(trainer.splits) == {f"v@{z},0,{x}" for z in (3, 20) for x in (0, 256)}
    picture, square = trainer.pictures["v"], trainer.pictures["v@20,0,0"]
    assert square.shape == (1, 100, 256)
    assert trainer.predictor.grids[0].margin > 0
    tile = trainer.predictor.tiles(square)[0]
    found = trainer.predictor.features("own", square, tile)
    assert torch.equal(found, trainer.predictor.features("all", picture, tile.moved((20, 0, 0))))
    assert not torch.equal(found, trainer.predictor.features("x", picture, tile.moved((19, 0, 0))))


def test_it_trains_on_all_squares_and_paint_that_is_gone_is_forgotten(drive, stack):
    session, inbox, events, _ = drive(m.Train())
    assert np.isfinite(until(events, m.Trained).loss)
    inbox.post(m.Annotate("v", stack[1].with_slice(20, Annotations(SHAPE[1:]))))
    until(events, m.Answered)
    assert set(session.bench.trainer.splits) == {"v@3,0,0"}
    inbox.post(m.Close("v"))
    rest(events)
    assert not session.bench.trainer.pictures
    assert not session.bench.trainer.splits


def test_some_of_each_slice_is_held_out_and_told(drive, stack):
    _, _, events, _ = drive()
    (dealt,) = (event for event in rest(events) if isinstance(event, m.Dealt))
    assert dealt.held.shape == SHAPE
    assert dealt.held.painted_slices == (3, 20)
    assert 0 < dealt.held.counts.sum() < stack[1].counts.sum() / 2


def test_what_an_earlier_engine_held_out_stays_held_out_in_every_new_trainer(drive, stack):
    upper = np.where(np.arange(SHAPE[1])[:, None] < 60, stack[1].dense(), 0)
    told = Annotations.of_volume(upper)  # half of it: more than would be dealt
    session, inbox, events, _ = drive(seen=True, held=told)
    assert not [event for event in rest(events) if isinstance(event, m.Dealt)]
    assert squares.held(session.bench.trainer, "v").same_as(told)
    session.bench._sheets.held.clear()  # the old trainer alone knows
    inbox.post(m.Configure((*CLASSES, "third"), session.bench.settings))
    rest(events)
    assert session.bench.trainer.base.classes == 3
    assert squares.held(session.bench.trainer, "v").same_as(told)


def test_looking_at_another_slice_predicts_there_and_nothing_twice(drive):
    _, inbox, events, _ = drive()
    first = [e for e in rest(events) if isinstance(e, m.Predicted)]
    inbox.post(m.Look("v", LOOK.box, z=7))
    second = [e for e in rest(events) if isinstance(e, m.Predicted)]
    inbox.post(LOOK)
    assert {e.z for e in second} == {7, 8, 9}  # 5 and 6 are there already
    assert {e.z for e in first} == {2, 3, 4, 5, 6}
    assert not [e for e in rest(events) if isinstance(e, m.Predicted)]


def test_a_place_to_paint_is_looked_for_in_the_slice_in_view(drive):
    session, inbox, events, _ = drive()
    inbox.post(m.Look("v", LOOK.box, z=20))
    rest(events)
    known = set(session.bench.trainer.predictor._cache)
    inbox.post(m.Suggest())
    assert until(events, m.Suggested).z == 20
    assert set(session.bench.trainer.predictor._cache) == known  # no other slice is looked at
