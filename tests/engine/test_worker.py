"""The child process as it is, over its real pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from napari_unet.core.annotations import Annotations
from napari_unet.core.model import Model
from napari_unet.engine import codec
from napari_unet.engine import messages as m
from napari_unet.engine.link import Link

SOON = 60  # s; torch alone takes seconds to import on a busy machine

# A worker whose sessions raise or hang when a plane's name says so
PATCHED = """
    import time
    from napari_unet.engine import practice, session, worker
    from napari_unet.engine import messages as m

    class Patched(session.Session):
        def _obey(self, command):
            if isinstance(command, m.Open) and command.plane == "raise":
                raise RuntimeError("the network is upside down")
            if isinstance(command, m.Open) and command.plane == "hang":
                print("what libraries print", flush=True)
                time.sleep(100)
            return super()._obey(command)

    class Careless(practice.Practice):
        def train(self, trainer):
            if "curse" in trainer.pictures:
                raise RuntimeError("the step went astray")
            return super().train(trainer)

    session.Session, session.Practice = Patched, Careless
    worker.main()
"""


@pytest.fixture
def start(tmp_path):
    links = []

    def start(script=""):
        command = None
        if script:
            path = tmp_path / "child.py"
            path.write_text(textwrap.dedent(script), encoding="utf-8")
            command = [sys.executable, str(path)]
        links.append(Link(command))
        return links[-1]

    yield start
    for link in links:
        link.close()
        link.process.kill()
        link.process.wait()


def until(link, kind):
    heard = [link.wait(SOON)]
    while not isinstance(heard[-1], (kind, m.Ended)):
        heard.append(link.wait(SOON))
    assert isinstance(heard[-1], kind), heard[-1]
    return heard


def teach(link, case, quick):
    link.post(m.Configure(("ground", "disk"), quick()))
    link.post(m.Open("a", case.raw))
    link.post(m.Look("a", (0, 0, 60, 60)))
    link.post(m.Annotate("a", Annotations.of(case.paint)))


def test_from_the_first_stroke_to_the_model(start, toy, quick):
    """All of it once, in the process that the window starts."""
    case = toy()
    link = start()
    teach(link, case, quick)
    assert isinstance(link.wait(SOON), m.Ready)
    if hasattr(os, "getpriority"):
        mine, its = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (0, link.process.pid))
        assert its == min(mine + 10, 19)
    heard = until(link, m.Predicted)
    assert any(isinstance(event, m.Answered) for event in heard)
    shown = heard[-1].labels
    assert np.mean([(shown == k)[case.truth == k].mean() for k in (1, 2)]) > 0.8
    link.post(m.Train())
    heard += until(link, m.Trained) + until(link, m.Trained)
    link.post(m.Pause())
    link.post(m.Export())
    heard += until(link, m.Exported)
    while not heard[-1].asked:
        heard += until(link, m.Exported)
    assert Model.from_bytes(heard[-1].model).header.classes == ("ground", "disk")
    assert not [event for event in heard if isinstance(event, m.Idle)]  # is for the child itself
    if sys.platform != "win32":
        os.kill(link.process.pid, signal.SIGINT)  # Ctrl-C in the terminal is not meant for it
    link.post(m.Open("b", np.full((1, 9, 9), np.nan)))
    assert "not numbers" in until(link, m.Refused)[-1].sentence
    link.post(m.Train())
    until(link, m.Trained)
    before = time.monotonic()
    link.close()  # its stdin ends in the midst of training
    assert link.process.wait(10) == 0
    assert time.monotonic() - before < 5


def test_an_error_nobody_foresaw_is_told_and_the_engine_goes_on(start, toy, quick):
    link = start(PATCHED)
    teach(link, toy(), quick)
    until(link, m.Predicted)
    for _ in range(2):
        link.post(m.Open("raise", toy().raw))
        failed = until(link, m.Failed)[-1]
        assert "the network is upside down" in failed.sentence
        assert "strokes are safe" in failed.sentence
        assert "Traceback" in failed.traceback
        assert "in _obey" in failed.traceback
    link.post(m.Open("curse", toy().raw))
    link.post(m.Train())
    assert "went astray" in until(link, m.Failed)[-1].sentence
    time.sleep(1.5)  # it is told once, and training waits
    assert not any(isinstance(event, m.Failed) for event in link.events())
    link.post(m.Close("curse"))
    link.post(m.Train())
    assert until(link, m.Trained)[-1].step == 1


def test_a_child_that_hangs_ends_when_its_parent_is_gone(start, toy):
    """However the parent died: all that the child notices is the end of its stdin."""
    link = start(PATCHED)
    until(link, m.Ready)
    link.post(m.Open("hang", toy().raw))
    time.sleep(0.5)
    before = time.monotonic()
    link._hang_up()  # closes its stdin, and nothing else
    assert link.process.wait(10) == 0
    assert 1 < time.monotonic() - before < 5
    ended = until(link, m.Ended)[-1]
    assert "what libraries print" in ended.errors  # not among the messages


def test_bytes_that_are_no_messages_end_it_with_a_word():
    command = [sys.executable, "-P", "-m", "napari_unet.engine"]
    done = subprocess.run(command, input=b"\x01" * 100, capture_output=True, timeout=SOON)
    assert b"cannot be right" in done.stderr


def test_a_parent_that_does_not_listen_any_more_ends_it():
    command = [sys.executable, "-P", "-m", "napari_unet.engine"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert isinstance(codec.read_event(child.stdout), m.Ready)
    child.stdout.close()
    codec.write(child.stdin, m.Export())  # asks for an answer that nobody takes
    assert child.wait(10) == 0
    child.stdin.close()
