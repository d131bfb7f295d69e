from __future__ import annotations

import numpy as np
import pytest


@pytest.mark.parametrize(
    "names", [7, "glass", {"a": 1, "b": 2}, ["glass", 7], [{}, {}], ["n"] * 256, ["glass"]]
)
def test_what_a_layer_calls_classes_may_be_anything(panel, viewer, image, names):
    layer = viewer.add_image(image, name="odd")
    viewer.add_labels(np.zeros(image.shape, np.uint8), name="odd strokes",
                      metadata={"classes": names})  # fmt: skip
    panel.studio.choose([layer])
    assert panel.studio.roster.classes.names == ("background", "cell")
