"""What happens when: strokes, training steps and tiles in the order of their urgency.

`Session.run` is a plain generator without threads: the child process drives it for the window,
the command line with a `for` loop, and tests with `next()`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import assert_never

from napari_unet.core.annotations import AnnotationError
from napari_unet.core.device import DeviceError
from napari_unet.core.files import FileError
from napari_unet.core.header import ModelError
from napari_unet.core.image import ImageError
from napari_unet.core.memory import give_back
from napari_unet.core.model import Model
from napari_unet.core.tilewise import MemoryShortError, memory_ran_out
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.jobs import Jobs
from napari_unet.engine.live import Live
from napari_unet.engine.messages import Command, Event, commands, events
from napari_unet.engine.origin import Init
from napari_unet.engine.pointing import Pointing
from napari_unet.engine.practice import Practice
from napari_unet.engine.supply import PixelsError, Supply
from napari_unet.engine.workbench import Workbench

_SHORT = (
    "Training does not fit into memory, not even with one patch at a time: choose smaller patches "
    "in the settings, close other programs, or choose the device cpu."
)
_BAD_INPUT = (AnnotationError, DeviceError, FileError, ImageError, ModelError)


class Session:
    """Commands in, events out; between two events nothing takes longer than a step or a tile.

    Parameters
    ----------
    spare : int
        CPU cores left to others where the settings do not fix the threads.
    init : "bundled", "random" or Model
        What a new network starts from.
    supply : Supply, optional
        Has the pixels of planes that are offered.
    """

    def __init__(
        self, *, spare: int = 1, init: Init | Model = "bundled", supply: Supply | None = None
    ) -> None:
        self.bench = Workbench(spare=spare, init=init, supply=supply)
        self._live, self._pointing, self._jobs = Live(), Pointing(), Jobs(self.bench)
        self._todo: deque[Command] = deque()  # taken from the inbox, an error loses none of them
        self._practice = Practice(self.bench)

    def run(self, inbox: Inbox) -> Iterator[Event]:
        """Work until the inbox is closed. `Idle` says that nothing is left to do for now."""
        device = self.bench.device
        yield events.Ready(device.name, device.threads, device.said)
        while not inbox.closed:
            self._todo.extend(inbox.take())
            while self._todo:
                command = self._todo.popleft()
                try:
                    yield from self._obey(command)
                except _BAD_INPUT as error:
                    withheld = isinstance(command, commands.Export)
                    plane, run = getattr(command, "plane", ""), getattr(command, "run", 0)
                    yield events.Refused(str(error), plane, withheld, run)
                except (RuntimeError, MemoryError) as error:
                    yield self._without_memory(error, command)
            try:
                yield from self._work()
            except PixelsError as error:
                if str(error):  # else their plane is about to close
                    yield self._give_up(str(error))
            except (RuntimeError, MemoryError) as error:
                yield self._without_memory(error)

    def pause(self) -> None:
        """Drop all work that waits (after an error); paint and weights stay."""
        self._practice.stumble()
        self._todo = deque(c for c in self._todo if not isinstance(c, commands.Train))
        for work in (self._jobs, self._pointing, self._live):
            work.clear()

    def finish(self) -> Iterator[Event]:
        """Judge the newest weights a last time, so that no step was in vain."""
        yield from self._practice.finish()

    # -- commands ---------------------------------------------------------------------------

    def _obey(self, command: Command) -> Iterator[Event]:  # noqa: C901 - one flat match
        match command:
            case (
                commands.Configure() | commands.Open() | commands.Offer()
                | commands.Close() | commands.Annotate()
            ):  # fmt: skip
                yield from self._take(command)
            case commands.Pixels():
                pass  # who drives this session gives them to its supply
            case commands.Look():
                self._live.look(command)
            case commands.Suggest():
                yield from self._suggest()
            case commands.Train():
                self._practice.begin()
                yield from self._practice.advise()
            case commands.Pause():
                self._practice.pause()
            case commands.Reset():
                self._practice.wanted = False
                self.bench.reset()
            case commands.Restore():
                model = Model.from_bytes(command.model)
                model.name = command.name or ""
                self.bench.restore(model, own=command.name is None)
                yield events.Restored(self.bench.classes)
            case commands.Export():
                yield events.Exported(memoryview(self.bench.model().to_bytes()), asked=True)
            case commands.SegmentImage() | commands.SegmentFolder() | commands.Cancel():
                self._jobs.take(command)
            case _:
                assert_never(command)

    def _take(
        self,
        command: commands.Configure
        | commands.Open
        | commands.Offer
        | commands.Close
        | commands.Annotate,
    ) -> Iterator[Event]:
        """Follow a command about what is learnt from."""
        agreement = self.bench.take(command)
        self._practice.wake()
        if agreement is not None:
            yield events.Scored(agreement)
        while self.bench.dealt:
            yield events.Dealt(*self.bench.dealt.popitem())
        if isinstance(command, (commands.Open, commands.Offer)):
            self._live.opened(command.plane)
            self._pointing.opened(command.plane)

    def _suggest(self) -> Iterator[Event]:
        trainer, look = self.bench.trainer, self._live.looked
        if trainer is not None and trainer.answered and look.plane in trainer.pictures:
            self._pointing.ask(trainer, look, self.bench.paint(look.plane))
        else:
            yield from self._practice.advise()

    def _without_memory(
        self, error: RuntimeError | MemoryError, command: Command | None = None
    ) -> events.Refused:
        """What is said where memory ran out; any other error is raised again."""
        if not memory_ran_out(error):
            raise error
        said = str(error) if isinstance(error, MemoryShortError) else _SHORT
        return self._give_up(said, command)

    def _give_up(self, sentence: str, command: Command | None = None) -> events.Refused:
        """Drop all work that waits, and say why."""
        run = getattr(command, "run", 0) or self._jobs.run
        self.pause()
        withheld = isinstance(command, commands.Export)
        return events.Refused(sentence, withheld=withheld, run=run)

    # -- work -------------------------------------------------------------------------------

    def _work(self) -> Iterator[Event]:
        """Do the one most urgent thing."""
        trainer, live = self.bench.trainer, self._live
        if trainer is not None:
            live.follow(trainer)
        if trainer is not None and self.bench.changed:
            yield from self._practice.answer(trainer)
        elif trainer is not None and live.urgent:
            yield from live.predict(trainer)
        elif self._pointing.waiting:
            yield from self._pointing.work()
        elif self._jobs.waiting:
            self._practice.untidy = True
            yield from self._jobs.work()
        elif trainer is not None and self._practice.due:
            self._tidy()
            yield from self._practice.train(trainer)
            if live.waiting:
                yield from live.predict(trainer)
        elif trainer is not None and trainer.answered and live.waiting:
            yield from live.predict(trainer)
        else:
            self._tidy()
            yield events.Idle()

    def _tidy(self) -> None:
        """Clear up after an answer, a job or training, once the tiles are out."""
        if self._practice.untidy:
            give_back()
        self._practice.untidy = False
