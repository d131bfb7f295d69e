from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from napari_unet.engine import link as link_module
from napari_unet.engine.link import Link
from napari_unet.engine.messages import (
    Ended,
    Event,
    Export,
    Failed,
    Open,
    Restore,
    Train,
    Trained,
)

PREAMBLE = """
import sys, time, os, threading
from napari_unet.engine import codec
from napari_unet.engine.messages import *
from napari_unet.engine.worker import _private_streams
source, sink = _private_streams()
def say(event): codec.write(sink, event)
def hear(): return codec.read_command(source)
def step(n): return Trained(n, 0.5, 0.1)
"""

Start = Callable[[str], Link]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a link to a child that runs a small script."""
    links: list[Link] = []

    def start(script: str, preamble: str = PREAMBLE) -> Link:
        path = tmp_path / f"child{len(links)}.py"
        path.write_text(preamble + textwrap.dedent(script), encoding="utf-8")
        links.append(Link([sys.executable, str(path)]))
        return links[-1]

    yield start
    for link in links:
        link.close()
        link.process.kill()
        link.process.wait()


def until_ended(link: Link) -> list[Event]:
    events = [link.wait(20)]
    while not isinstance(events[-1], Ended):
        events.append(link.wait(20))
    return events


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_commands_go_in_and_events_come_out_in_order(start):
    link = start("""
        opened = hear()
        for n in range(3):
            say(step(n + int(opened.image.sum())))
        assert isinstance(hear(), Export)
    """)
    link.post(Open("a", np.ones((1, 2, 2))))
    assert [link.wait(20).step for _ in range(3)] == [4, 5, 6]
    link.post(Export())
    ended = link.wait(20)
    assert isinstance(ended, Ended)
    assert (ended.code, ended.errors) == (0, "")


def test_large_messages_travel_both_ways(start):
    """More than a pipe holds, in both directions at once."""
    link = start("""
        while (command := hear()) is not None:
            say(Exported(command.image.tobytes(), True))
    """)
    images = [np.full((1, 1500, 2000), n, np.uint8) for n in range(5)]
    for n, image in enumerate(images):
        link.post(Open(str(n), image))
    assert [link.wait(20).model == image.tobytes() for image in images] == [True] * 5


def test_of_what_waits_for_a_slow_line_only_the_latest_is_sent(start):
    link = start("""
        time.sleep(1)
        while (command := hear()) is not None:
            say(Exported(command.model[:1], True))
    """)
    for n in range(9):
        link.post(Restore(bytes([n]) * 3_000_000))
    got = [link.wait(20).model[0]]
    while got[-1] != 8:
        got.append(link.wait(20).model[0])
    assert len(got) <= 3  # the first ones may be on their way already


def test_events_never_block(start):
    link = start("time.sleep(2); say(step(1)); hear()")
    before = time.monotonic()
    assert list(link.events()) == []
    assert time.monotonic() - before < 1
    assert isinstance(link.wait(20), Trained)


def test_events_takes_at_most_so_many(start):
    link = start("[say(step(n)) for n in range(5)]; hear()")
    assert eventually(lambda: link._events.qsize() == 5)
    assert [e.step for e in link.events(2)] == [0, 1]
    assert [e.step for e in link.events()] == [2, 3, 4]
    assert list(link.events()) == []


def test_waiting_for_a_silent_engine_ends(start):
    link = start("hear()")
    with pytest.raises(TimeoutError, match=r"said nothing for 0\.1 s"):
        link.wait(0.1)


def test_a_crash_is_told_with_its_traceback(start):
    link = start("""
        say(step(1))
        raise RuntimeError("the sky fell")
    """)
    first, ended = until_ended(link)
    assert first.step == 1
    assert ended.code == 1
    assert "Traceback" in ended.errors
    assert ended.errors.rstrip().endswith("RuntimeError: the sky fell")


def test_only_the_last_words_are_kept(start):
    link = start("sys.stderr.write('ä' * 100_000 + 'the end')")
    (ended,) = until_ended(link)
    assert ended.errors.endswith("ääthe end")
    assert len(ended.errors) < 10_000


def test_a_child_that_is_killed_is_told(start):
    link = start("say(step(1)); hear()")
    link.wait(20)
    link.process.kill()
    (ended,) = until_ended(link)
    assert ended.code != 0


def test_a_program_that_is_no_engine_is_told(start):
    link = start("print('Welcome to the other program!', flush=True); input()", preamble="")
    (ended,) = until_ended(link)
    assert "a frame of" in ended.errors


def test_a_frame_cut_short_is_told(start):
    link = start("""
        say(step(1))
        sink.write(b"\\x10" + bytes(7) + b"half")
        sink.flush()
        os._exit(3)
    """)
    first, ended = until_ended(link)
    assert first.step == 1
    assert "the stream ended inside a frame" in ended.errors


def test_a_child_that_stops_talking_but_lives_on_is_ended(start, monkeypatch):
    monkeypatch.setattr(link_module, "_PATIENCE", 0.3)
    link = start("sink.close(); time.sleep(60)")
    (ended,) = until_ended(link)
    assert ended.code != 0


def test_prints_do_not_corrupt_the_frames(start):
    link = start("""
        import subprocess
        for n in range(3):
            print("loading", n, flush=True)
            os.write(1, b"from C\\n")
            subprocess.run([sys.executable, "-c", "print('grandchild')"], check=True)
            say(step(n))
        assert sys.stdin.read() == ""  # nobody else can read the commands
    """)
    *events, ended = until_ended(link)
    assert [e.step for e in events] == [0, 1, 2]
    assert ended.code == 0
    for words in ("loading 2", "from C", "grandchild"):
        assert words in ended.errors


def test_closing_ends_a_child_that_listens(start):
    link = start("""
        say(step(1))
        assert hear() is None
    """)
    link.wait(20)
    link.close()
    link.close()  # twice does no harm
    assert link.process.wait(10) == 0
    assert list(link.events()) == []


def test_closing_ends_a_child_that_keeps_talking(start):
    """Nobody drains the events any more; the child must still come to hear of it."""
    link = start("""
        threading.Thread(target=lambda: (hear(), os._exit(7)), daemon=True).start()
        while True:
            say(Exported(bytes(100_000), False))
    """)
    link.wait(20)
    link.close()
    assert link.process.wait(10) == 7


def test_a_child_that_does_not_listen_is_killed(start, monkeypatch):
    monkeypatch.setattr(link_module, "_PATIENCE", 2)
    link = start("say(step(1)); time.sleep(60)")
    link.wait(20)
    link.post(Restore(bytes(10_000_000)))  # stuck in the pipe
    before = time.monotonic()
    link.close()
    assert time.monotonic() - before < 1  # the caller does not wait
    assert link.process.wait(10) != 0
    assert time.monotonic() - before < 10


def test_posting_never_blocks(start):
    link = start("say(step(1)); time.sleep(60)")
    link.wait(20)
    before = time.monotonic()
    for _ in range(20):
        link.post(Restore(bytes(1_000_000)))
    assert time.monotonic() - before < 5


def test_posting_to_an_ended_child_is_harmless_and_keeps_nothing(start):
    link = start("")
    until_ended(link)
    assert eventually(lambda: not link._sender.is_alive())
    for _ in range(10):
        link.post(Train())
    assert link._outbox.take() == []
    assert link.process.stdin.closed


def test_a_window_that_does_not_drain_stops_the_child(start, tmp_path):
    """A full queue makes the engine wait; nothing is lost and memory does not grow."""
    progress = tmp_path / "progress"
    link = start(f"""
        path = {str(progress)!r}
        for n in range(400):
            say(Exported(n.to_bytes(4, "little") + bytes(100_000), False))
            with open(path, "a") as file:
                file.write("x")
        hear()
    """)

    def produced() -> int:
        return progress.stat().st_size if progress.exists() else 0

    waiting = link_module._WAITING
    assert eventually(lambda: produced() >= waiting)
    time.sleep(0.7)
    held = produced()
    assert waiting <= held <= waiting + 3  # the queue, one in each hand, and what a pipe holds
    time.sleep(0.5)
    assert produced() == held
    numbers = [int.from_bytes(link.wait(20).model[:4], "little") for _ in range(400)]
    assert numbers == list(range(400))


def test_links_leave_nothing_behind(start):
    """No file, pipe or process stays open: each would warn, and warnings are errors here."""
    link = start("say(step(1))")
    until_ended(link)
    assert eventually(lambda: not link._sender.is_alive())
    assert link.process.returncode == 0
    assert link._errors.closed
    assert link.process.stdout.closed


def test_the_engine_is_started_away_from_the_users_files(monkeypatch):
    """A file `queue.py` in the user's folder must not be imported in place of Python's."""
    asked = {}

    def popen(command: list[str], **kwargs: object) -> None:
        asked.update(kwargs, command=command)
        kwargs["stderr"].close()
        raise OSError("enough seen")

    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(OSError, match="enough seen"):
        Link()
    assert asked["command"] == [sys.executable, "-P", "-m", "napari_unet.engine"]
    assert asked["env"]["OMP_WAIT_POLICY"] == "PASSIVE"


def test_the_users_choice_of_openmp_stands(monkeypatch):
    assert link_module._environment({"OMP_WAIT_POLICY": "ACTIVE", "A": "1"}) == {
        "OMP_WAIT_POLICY": "ACTIVE",
        "A": "1",
    }


# -- the real worker, with a made-up session -------------------------------------------------

WORKER = """
import sys, time, types, os, signal
from napari_unet.engine import worker
from napari_unet.engine.messages import *

class Session:
    paused = False
    def __init__(self, supply): self.supply = supply
    def pause(self): self.paused = True
    def run(self, inbox):
        while not inbox.closed:
            for command in inbox.take():
                yield from self.follow(command)
            yield Idle()

module = types.ModuleType("napari_unet.engine.session")
module.Session = Session
sys.modules["napari_unet.engine.session"] = module
def step(n): return Trained(n, 0.5, 0.1)
"""


def test_a_worker_answers_and_ends_when_its_parent_closes(start):
    link = start(
        """
        Session.follow = lambda self, command: [Exported(b"model", True)]
        worker.main()
        """,
        WORKER,
    )
    for _ in range(3):
        link.post(Export())
        assert link.wait(20).model == b"model"
    link.close()
    assert link.process.wait(10) == 0


@pytest.mark.parametrize("error", ["ValueError", "OSError", "RuntimeError", "MemoryError"])
def test_a_worker_tells_of_any_error_pauses_and_goes_on(start, error):
    """A disk error in the session must not be taken for a parent that is gone."""
    link = start(
        f"""
        def follow(self, command):
            if isinstance(command, Train):
                raise {error}("no luck")
            yield step(int(self.paused))
        Session.follow = follow
        worker.main()
        """,
        WORKER,
    )
    link.post(Train())
    failed = link.wait(20)
    assert "no luck" in failed.sentence
    assert f"{error}: no luck" in failed.traceback
    link.post(Export())
    assert link.wait(20).step == 1


def test_a_worker_ends_soon_even_in_the_middle_of_a_long_step(start, monkeypatch):
    monkeypatch.setattr(link_module, "_PATIENCE", 30)
    link = start(
        """
        worker._GRACE = 0.2
        def follow(self, command):
            yield step(1)
            time.sleep(60)
        Session.follow = follow
        worker.main()
        """,
        WORKER,
    )
    link.post(Train())
    link.wait(20)
    link.close()
    assert link.process.wait(10) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on a terminal")
def test_a_worker_survives_ctrl_c_meant_for_its_parent(start):
    link = start(
        """
        def follow(self, command):
            os.kill(os.getpid(), signal.SIGINT)
            yield step(1)
        Session.follow = follow
        worker.main()
        """,
        WORKER,
    )
    for _ in range(2):
        link.post(Train())
        assert isinstance(link.wait(20), Trained)


def test_what_cannot_be_sent_is_told_and_does_not_silence_the_window(start):
    link = start("say(step(1 if isinstance(hear(), Export) else 0))")
    link.post(Open("a", np.array([[[None]]])))
    failed = link.wait(20)
    assert isinstance(failed, Failed)
    assert "do not travel" in failed.sentence
    link.post(Export())
    assert link.wait(20).step == 1
