from __future__ import annotations

import pytest

from napari_unet.engine.batch.pace import Pace, in_words
from napari_unet.engine.messages import FileSegmented


def test_files_that_were_done_before_do_not_make_the_rest_look_quick():
    now = [0.0]
    pace = Pace(lambda: now[0])
    for done in range(1, 51):
        pace.take(FileSegmented("a", "b", done, 100, 0.0, skipped=True))
    assert pace.left is None
    for done in range(51, 61):
        now[0] += 2.0
        pace.take(FileSegmented("a", "b", done, 100, 2.0))
    assert pace.left == pytest.approx(80)


@pytest.mark.parametrize(
    ("seconds", "said"), [(4.4, "4 s"), (89, "89 s"), (600, "10 min"), (3900, "1 h 05 min")]
)
def test_in_words(seconds, said):
    assert in_words(seconds) == said
