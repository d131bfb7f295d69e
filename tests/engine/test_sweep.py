from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.tiling import Grid, overlaps, tiles
from napari_unet.engine.sweep import Sweep

GRID = Grid(margin=8, stride=2)
TILES = tiles((100, 160), 20, GRID)


def drained(sweep):
    found = []
    while sweep.waiting:
        found.append(sweep.next())
    return found


def distance(tile, box):
    y0, x0, y1, x1 = box
    y, x = tile.centre
    return (y - (y0 + y1) / 2) ** 2 + (x - (x0 + x1) / 2) ** 2


BOXES = st.tuples(*[st.integers(-30, 200)] * 4).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


@given(BOXES)
def test_what_is_seen_comes_first_and_each_part_from_the_middle_outwards(box):
    sweep = Sweep("a", box)
    sweep.begin(TILES)
    window = (slice(box[0], box[2]), slice(box[1], box[3]))
    visible = [t for t in TILES if overlaps(t, window)]
    assert (sweep.total, sweep.waiting, sweep.visible_waiting) == (
        len(TILES),
        len(TILES),
        len(visible),
    )
    order = drained(sweep)
    assert sorted(map(hash, order)) == sorted(map(hash, TILES))
    assert set(order[: len(visible)]) == set(visible)
    for part in (order[: len(visible)], order[len(visible) :]):
        distances = [distance(t, box) for t in part]
        assert distances == sorted(distances)


@given(BOXES, BOXES, st.integers(0, len(TILES)))
def test_looking_elsewhere_orders_what_is_left_anew_and_repeats_nothing(first, second, done):
    sweep = Sweep("a", first)
    sweep.begin(TILES)
    before = [sweep.next() for _ in range(done)]
    sweep.look(second)
    left = drained(sweep)
    assert set(before).isdisjoint(left)
    assert len(before) + len(left) == len(TILES)
    window = (slice(second[0], second[2]), slice(second[1], second[3]))
    ranks = [(not overlaps(t, window), distance(t, second)) for t in left]
    assert ranks == sorted(ranks)


def test_a_new_sweep_replaces_the_old_one():
    sweep = Sweep("a", (0, 0, 10, 10))
    sweep.begin(TILES)
    sweep.next()
    sweep.begin(TILES[:3])
    assert (sweep.total, sweep.waiting) == (3, 3)


@given(BOXES, st.integers(1, 5))
def test_every_tile_gets_its_turn_though_no_sweep_comes_to_its_end(box, more):
    """New weights come when all that is seen is done, and a few tiles out of sight."""
    sweep, taken = Sweep("a", box), []
    sweep.begin(TILES)
    visible = sweep.visible_waiting
    for _ in range(-(-len(TILES) // more)):
        taken += [sweep.next() for _ in range(min(visible + more, sweep.waiting))]
        sweep.begin(TILES)
    assert set(taken) == set(TILES)


def test_what_was_left_out_longest_comes_first():
    sweep = Sweep("a", (0, 0, 1, 1))
    for first in (0, 2, 4):
        sweep.begin(TILES)
        seen, *far = [sweep.next() for _ in range(3)]
        ranks = sorted(range(len(TILES)), key=lambda i: distance(TILES[i], sweep.box))
        assert seen == TILES[ranks[0]]
        assert {*far} == {TILES[i] for i in ranks[1 + first : 3 + first]}


def test_nothing_waits_after_clearing():
    sweep = Sweep("a", (0, 0, 10, 10))
    sweep.begin(TILES)
    sweep.clear()
    assert (sweep.total, sweep.waiting, sweep.visible_waiting) == (0, 0, 0)
