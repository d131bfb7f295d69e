from __future__ import annotations

import numpy as np
import pytest
from fake_model import model_bytes
from hands import paint

from napari_unet.core.project.folder import BEST, LAST
from napari_unet.engine import messages as m
from napari_unet.widgets import project_models
from napari_unet.widgets.project_models import BEGUN, ModelCopies


@pytest.fixture
def written():
    return []


@pytest.fixture
def copies(written, qtbot, monkeypatch):
    monkeypatch.setattr(project_models, "_PAUSE", 50)
    return ModelCopies(lambda name, model: written.append((name, model)))


def test_only_the_newest_is_written_and_the_best_stays(copies, written, qtbot):
    copies.keep(b"1", 0.5)
    copies.keep(b"2", 0.9)
    copies.keep(b"3", 0.7)
    assert not written
    qtbot.waitUntil(lambda: len(written) == 2)
    assert dict(written) == {LAST: b"3", BEST: b"2"}
    assert copies.best == 0.9
    copies.flush()
    assert len(written) == 2


def test_a_model_without_a_score_is_the_best_until_there_is_one(copies, written):
    copies.keep(b"1", None)
    copies.keep(b"2", 0.1)
    copies.flush()
    assert (BEST, b"2") in written


def test_what_is_forgotten_is_deleted_and_the_best_is_not(copies, written):
    copies.keep(b"1", 0.5)
    copies.forget()
    copies.flush()
    assert written == [(LAST, b""), (BEST, b"1")]


def test_nothing_is_written_after_the_end(copies, written, qtbot):
    copies.keep(b"1", 0.5)
    copies.stop()
    qtbot.wait(150)
    assert not written


def test_the_model_that_training_began_with_is_kept_until_a_reset(painted, qtbot):
    qtbot.waitUntil(lambda: painted.project.store is not None, timeout=3000)
    loaded, kept = model_bytes(("background", "foreground")), painted.project.path / BEGUN
    painted.lesson.adopt(loaded, "cells.safetensors")
    qtbot.waitUntil(kept.is_file, timeout=3000)
    assert kept.read_bytes() == loaded
    painted.lesson.hear(m.Exported(model_bytes(("a", "b")), asked=False))
    assert painted.project.close()
    assert kept.read_bytes() == loaded
    painted.lesson.reset()
    qtbot.waitUntil(lambda: not kept.exists(), timeout=3000)


def test_a_model_that_is_loaded_before_the_first_stroke_is_kept_too(studio, qtbot):
    loaded = model_bytes(("background", "foreground"))
    studio.lesson.adopt(loaded, "cells.safetensors")
    paint(studio, 1, np.s_[20:40, 10:60])
    qtbot.waitUntil(lambda: studio.project.path is not None, timeout=3000)
    qtbot.waitUntil((studio.project.path / BEGUN).is_file, timeout=3000)
    assert (studio.project.path / BEGUN).read_bytes() == loaded
