from __future__ import annotations

import pytest
from fake_model import flipped, sealed_model

from napari_unet.widgets.model_file import ModelFileError, read_model


def test_a_model_with_a_changed_weight_is_refused_before_anything_is_done_with_it(tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(sealed_model())
    assert read_model(path) == sealed_model()
    path.write_bytes(flipped(sealed_model()))
    with pytest.raises(ModelFileError, match="damaged"):
        read_model(path)
