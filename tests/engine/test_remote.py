"""An engine behind a real ssh server on the loopback address."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from napari_unet import __version__
from napari_unet.core.annotations import Annotations
from napari_unet.core.model import Model
from napari_unet.engine import host as host_module
from napari_unet.engine import messages as m
from napari_unet.engine.host import Host
from napari_unet.engine.link import Link

SOON = 60  # s; torch alone takes seconds to import on a busy machine

# The real worker with a session that echoes, and tells its process id
CHILD = """
import os, sys, time, types
from pathlib import Path
sys.path.insert(0, {source!r})
from napari_unet.engine import host, vigil, worker
from napari_unet.engine.messages import *

class Session:
    def __init__(self, supply): pass
    def pause(self): pass
    def run(self, inbox):
        Path({pid!r}).write_text(str(os.getpid()))
        yield Ready("cpu", 1, "float32")
        while not inbox.closed:
            for command in inbox.take():
                if isinstance(command, Open):
                    yield Predicted(command.plane, 1, 0, 0, command.image[0])
            yield Idle()

module = types.ModuleType("napari_unet.engine.session")
module.Session = Session
sys.modules["napari_unet.engine.session"] = module
{script}
worker.main(remote=True)
"""


@pytest.fixture
def pid(tmp_path):
    return tmp_path / "pid"


@pytest.fixture
def start(sshd, tmp_path, pid):
    """Start a link to `lab`, with the real engine or, where a script is given, a light one."""
    links = []

    def start(script=None, host=None):
        host = host or sshd.lab
        if script is not None:
            child = tmp_path / "child.py"
            source = str(Path(host_module.__file__).parents[2])
            child.write_text(CHILD.format(source=source, pid=str(pid), script=script), "utf-8")
            host = Host("lab", f"{shlex.quote(sys.executable)} {shlex.quote(str(child))}")
        links.append(Link(host=host))
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


def gone(pid, seconds=20):
    """Whether the process on the other side ends (nobody may be there to bury it)."""
    stat, end = Path("/proc", pid.read_text(encoding="utf-8"), "stat"), time.monotonic() + seconds
    while time.monotonic() < end:
        if not stat.exists() or stat.read_text(encoding="utf-8").rsplit(") ", 1)[1][0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_from_the_first_stroke_to_the_model(start, toy, quick, monkeypatch):
    """The real engine, once."""
    monkeypatch.setattr("napari_unet.engine.link._PATIENCE", 30)
    case = toy()
    link = start()
    assert not link.met
    link.post(m.Configure(("ground", "disk"), quick()))
    link.post(m.Open("a", case.raw))
    link.post(m.Look("a", (0, 0, 60, 60)))
    link.post(m.Annotate("a", Annotations.of(case.paint)))
    shown = until(link, m.Predicted)[-1].labels
    assert link.met
    assert np.mean([(shown == k)[case.truth == k].mean() for k in (1, 2)]) > 0.8
    link.post(m.Train())
    until(link, m.Trained)
    link.post(m.Export())
    exported = until(link, m.Exported)[-1]
    assert Model.from_bytes(exported.model).header.classes == ("ground", "disk")
    link.close()
    assert link.process.wait(30) == 0


def test_arrays_travel_both_ways(start):
    link = start("")
    images = [np.random.default_rng(n).normal(900, 40, (1, 700, 900)) for n in range(3)]
    for n, image in enumerate(images):
        link.post(m.Open(str(n), image.astype(np.uint16)))
    for n, image in enumerate(images):
        got = until(link, m.Predicted)[-1]
        assert got.plane == str(n)
        np.testing.assert_array_equal(got.labels, image[0].astype(np.uint16))


def test_what_is_printed_there_at_first_does_no_harm(start):
    link = start("print('Welcome to the lab', flush=True); os.write(1, b'no newline')")
    assert isinstance(link.wait(SOON), m.Ready)


def test_closing_ends_the_process_there(start, pid, monkeypatch):
    monkeypatch.setattr("napari_unet.engine.link._PATIENCE", 30)
    link = start("")
    until(link, m.Ready)
    link.close()
    assert gone(pid)
    assert link.process.wait(30) == 0


def test_the_process_there_ends_when_ssh_is_killed_here(start, pid):
    link = start("")
    until(link, m.Ready)
    link.process.kill()
    ended = until(link, m.Ended)[-1]
    assert (ended.sentence, ended.passing) == ("The connection to lab was lost.", True)
    assert gone(pid)


def test_a_line_that_breaks_is_told(start, sshd, pid):
    link = start("")
    until(link, m.Ready)
    sshd.cut()
    ended = until(link, m.Ended)[-1]
    assert (ended.sentence, ended.passing) == ("The connection to lab was lost.", True)
    assert gone(pid)


def test_a_line_that_falls_silent_is_noticed_on_both_sides(start, sshd, pid, monkeypatch):
    """The other side's stdin stays open: it must end by itself."""
    alive = ("-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1")
    monkeypatch.setattr(host_module, "program", (*sshd.program, *alive))
    link = start("vigil._LONGEST, vigil._LOOK = 3, 0.1")
    until(link, m.Ready)
    sshd.freeze()
    ended = until(link, m.Ended)[-1]
    assert (ended.sentence, ended.passing) == ("The connection to lab was lost.", True)
    assert gone(pid)


def test_a_crash_there_is_told_as_one_here(start):
    link = start("Session.run = lambda self, inbox: sys.exit('the sky fell')")
    ended = until(link, m.Ended)[-1]
    assert (ended.code, ended.sentence) == (1, "")
    assert "the sky fell" in ended.errors


def test_another_version_there_is_refused(start):
    link = start("host.VERSION = '9.8.7'")
    ended = until(link, m.Ended)[-1]
    assert f"Here is napari-unet {__version__}, but lab has 9.8.7" in ended.sentence
    assert not ended.passing


@pytest.mark.parametrize(
    ("address", "python", "words", "passing"),
    [
        ("closed", "python3", "closed refuses ssh", True),
        ("stranger", "python3", "type “ssh stranger” in a terminal once", False),
        ("locked", "python3", "locked did not let you in without a password", False),
        ("lab", "no-such-python", "There is no “no-such-python” on lab", False),
        ("lab", f"{sys.executable} -S", "napari-unet is not installed for", False),
    ],
)
def test_who_cannot_be_reached_is_told_without_asking(start, address, python, words, passing):
    before = time.monotonic()
    ended = until(start(host=Host(address, python)), m.Ended)[-1]
    assert words in ended.sentence
    assert ended.passing is passing
    assert time.monotonic() - before < 30


def test_one_that_never_greets_is_given_up(start, monkeypatch):
    monkeypatch.setattr("napari_unet.engine.link._MEETING", 1.0)
    ended = until(start(host=Host("lab", "sleep 60 #")), m.Ended)[-1]
    assert "no engine started there in time" in ended.sentence
