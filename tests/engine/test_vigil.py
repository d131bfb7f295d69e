"""An engine whose parent falls silent, with its stdin still open."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from napari_unet.engine import codec
from napari_unet.engine.vigil import SILENT

CHILD = """
import sys
from napari_unet.engine import vigil
vigil._LONGEST, vigil._LOOK = 1.5, 0.05
source = vigil.watched(open(0, "rb", closefd=False))
print("ready", flush=True)
while data := source.read(8):
    pass
"""


@pytest.fixture
def child():
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline().strip() == b"ready"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_silence_ends_it(child):
    assert child.wait(20) == SILENT


def test_a_word_now_and_then_keeps_it(child):
    for _ in range(10):
        time.sleep(0.3)
        codec.beat(child.stdin)
        assert child.poll() is None
    child.stdin.close()
    assert child.wait(20) == 0
