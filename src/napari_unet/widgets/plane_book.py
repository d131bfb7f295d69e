"""Which planes the engine has, and what it must hear of them and of what is in view."""

from __future__ import annotations

from napari.viewer import Viewer
from qtpy.QtCore import QObject, Signal

from napari_unet.core.annotations import Annotations
from napari_unet.engine.messages import Annotate, Close, Dealt, Look, PlaneName, Wanted
from napari_unet.widgets.compat import visible_box
from napari_unet.widgets.feed import Feed
from napari_unet.widgets.held import HeldOut
from napari_unet.widgets.layers import Binding
from napari_unet.widgets.pixels import pixels_of
from napari_unet.widgets.planes import Index


class PlaneBook(QObject):
    """Open planes by name.

    Attributes
    ----------
    held : what of their paint is never learnt from.

    Signals
    -------
    say : Command
        For the engine.
    dealt : Binding, Index, Annotations
        What is held out of the strokes on a plane now.
    complained : str
        A plane cannot be used, as a sentence.
    """

    say = Signal(object)
    dealt = Signal(object, object, object)
    complained = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.held = HeldOut()
        self._feed = Feed()
        self._feed.say.connect(self.say)
        self._feed.failed.connect(self._on_failed)
        self._planes: dict[PlaneName, tuple[Binding, Index]] = {}
        self._looked: Look | None = None

    def place_of(self, name: PlaneName) -> tuple[Binding, Index] | None:
        """Whose plane it is; None if it was closed meanwhile."""
        return self._planes.get(name)

    def look(self, viewer: Viewer, binding: Binding, index: Index, overlay: int | None) -> None:
        """Tell what is in view; the plane and its neighbours are opened where needed."""
        planes = {_name(binding, at): at for at in (index, *_neighbours(binding, index))}
        for plane, at in planes.items():
            if plane not in self._planes:
                self._open(plane, binding, at)
        name, *near = planes
        box = visible_box(viewer, binding.image, binding.shape)
        look = Look(name, box, overlay, tuple(near))
        if self._looked is None or _differ(look, self._looked):
            self._looked = look
            self.say.emit(look)
        self._close_blank(set(planes))

    def annotate(
        self, binding: Binding, index: Index, strokes: Annotations, *, seen: bool = False
    ) -> None:
        """Tell of strokes; the plane is opened where needed. `seen`: they were there before."""
        name = _name(binding, index)
        if name in self._planes:
            self._say_strokes(name, strokes, seen=seen)
        else:
            self._open(name, binding, index)

    def deal(self, event: Dealt) -> None:
        """The engine said what it holds out of the strokes on a plane."""
        if event.plane in self._planes:
            binding, index = self._planes[event.plane]
            self.held.note(binding.image, {index: event.held})
            self.dealt.emit(binding, index, event.held)

    def put_aside(self, binding: Binding, *, aside: bool) -> None:
        """Keep an image for validation, or learn from it again."""
        self.held.put_aside(binding.image, aside=aside)
        for name, (owner, index) in self._planes.items():
            strokes = owner.strokes.snapshots.get(index)
            if owner is binding and strokes is not None:
                self._say_strokes(name, strokes, seen=True)

    def resend(self, binding: Binding) -> None:
        """The pixels of an image changed."""
        for name, (owner, index) in self._planes.items():
            if owner is binding:
                self._send(name, binding, index)

    def drop(self, binding: Binding) -> None:
        """Close all planes of an image."""
        for name, (owner, _) in list(self._planes.items()):
            if owner is binding:
                self._close(name)

    def answer(self, wanted: Wanted) -> bool:
        """Give the engine pixels that it asks for; False if they are of no plane in here."""
        return self._feed.answer(wanted)

    def replay(self) -> None:
        """Tell a new engine of all planes; it must be told again what is in view."""
        self._feed.forget_questions()
        for name, (binding, index) in self._planes.items():
            binding.tiles.forget_generations()
            self._send(name, binding, index)
        self._looked = None

    def _open(self, name: PlaneName, binding: Binding, index: Index) -> None:
        self._planes[name] = (binding, index)
        self._send(name, binding, index)

    def _send(self, name: PlaneName, binding: Binding, index: Index) -> None:
        self._feed.give(name, pixels_of(binding.images, index))
        strokes = binding.strokes.snapshots.get(index)
        if strokes is not None:
            self._say_strokes(name, strokes, seen=True)

    def _on_failed(self, _: PlaneName, sentence: str) -> None:
        self.complained.emit(sentence)

    def _say_strokes(self, name: PlaneName, strokes: Annotations, *, seen: bool) -> None:
        binding, index = self._planes[name]
        held, aside = self.held.strokes(binding.image, index), self.held.aside(binding.image)
        self.say.emit(Annotate(name, strokes, seen, held, aside))

    def _close(self, name: PlaneName) -> None:
        del self._planes[name]
        self._feed.drop(name)
        self.say.emit(Close(name))

    def _close_blank(self, kept: set[PlaneName]) -> None:
        """A plane without strokes is only needed while it is in view, or nearly so."""
        for name, (binding, index) in list(self._planes.items()):
            strokes = binding.strokes.snapshots.get(index)
            if name not in kept and (strokes is None or not strokes.blocks):
                self._close(name)


def _name(binding: Binding, index: Index) -> PlaneName:
    return f"{binding.number}:{','.join(map(str, index))}"


def _neighbours(binding: Binding, index: Index) -> list[Index]:
    """The planes that the user may scroll to next, along the last axis with several planes."""
    lengths = binding.lengths[:-2]
    axis = next((a for a in reversed(range(len(lengths))) if lengths[a] > 1), None)
    if axis is None:
        return []
    steps = [at for at in (index[axis] + 1, index[axis] - 1) if 0 <= at < lengths[axis]]
    return [(*index[:axis], at, *index[axis + 1 :]) for at in steps]


def _differ(one: Look, other: Look) -> bool:
    kinds = [(look.plane, look.box, look.overlay, look.near) for look in (one, other)]
    return kinds[0] != kinds[1]
