from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from napari_unet.core import memory

_HOLES = """
from pathlib import Path
from napari_unet.core.memory import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

blocks = [bytearray(100_000) for _ in range(2000)]  # each too small for pages of its own
last = blocks[-1]  # at the top of the heap, so that nothing shrinks by itself
del blocks
before = resident()
print(give_back(), before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_holes_in_the_heap_go_back_to_the_system():
    said = subprocess.run(
        [sys.executable, "-c", _HOLES], capture_output=True, text=True, check=True
    )
    found, freed = said.stdout.split()
    assert found == "True"
    assert float(freed) > 150, "of 190 MB"


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_elsewhere_nothing_happens(monkeypatch, system):
    memory._malloc_trim.cache_clear()
    monkeypatch.setattr(memory.sys, "platform", system)
    assert memory.give_back() is False
    memory._malloc_trim.cache_clear()


def test_a_c_library_without_it(monkeypatch):
    memory._malloc_trim.cache_clear()
    monkeypatch.setattr(memory.sys, "platform", "linux")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    assert memory.give_back() is False
    memory._malloc_trim.cache_clear()
