from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_unet.engine import messages as m
from napari_unet.widgets.segmenting import ImageSegmenter


@pytest.fixture
def segmenter():
    """One that has been asked for an image of one plane, and what it said to the engine."""
    posted = []
    segmenter = ImageSegmenter(posted.append)
    segmenter.start([Image(np.eye(8))], ["#ff0000", "#0000ff"])
    segmenter.posted = posted
    return segmenter


def plane_of(segmenter):
    return segmenter.posted[-1].plane


def test_only_a_refusal_of_its_own_plane_ends_it(segmenter):
    for plane in ("", "another"):
        segmenter.refused(plane)
        assert segmenter.running
    segmenter.refused(plane_of(segmenter))
    assert not segmenter.running


def test_cancelling_names_the_plane_so_that_a_folder_goes_on(segmenter):
    plane = plane_of(segmenter)
    segmenter.cancel()
    assert [c.plane for c in segmenter.posted if isinstance(c, m.Cancel)] == [plane]
