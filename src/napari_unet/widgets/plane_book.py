"""Which planes the engine has, and what it must hear of them and of what is in view."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs
from napari.viewer import Viewer
from qtpy.QtCore import QObject, Signal

from napari_unet.engine.messages import Annotate, Close, Dealt, Look, PlaneName, Wanted
from napari_unet.widgets.binding import Binding
from napari_unet.widgets.compat import visible_box
from napari_unet.widgets.feed import Feed
from napari_unet.widgets.held import HeldOut
from napari_unet.widgets.pixels import pixels_of
from napari_unet.widgets.planes import Index, slice_axis
from napari_unet.widgets.regions import Region, region_of


class PlaneBook(QObject):
    """Open planes by name.

    Attributes
    ----------
    held : what of their paint is never learnt from.
    volumes : the engine gets all slices along z as one.

    Signals
    -------
    say : Command
        For the engine.
    dealt : Binding, Index, Annotations
        What is held out of the strokes on a plane now.
    complained : str
        A plane cannot be used, as a sentence.
    refusal_changed : what `refusal` says may be different now.
    """

    say = Signal(object)
    dealt = Signal(object, object, object)
    complained = Signal(str)
    refusal_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.held = HeldOut()
        self.volumes = False
        self._feed = Feed()
        self._feed.say.connect(self.say)
        self._feed.failed.connect(self._on_failed)
        self._planes: dict[PlaneName, tuple[Binding, Region]] = {}
        self._refused: dict[PlaneName, str] = {}  # why
        self._looked: Look | None = None

    @property
    def refusal(self) -> str:
        """Why the plane in view cannot be used, as a sentence; empty if it can."""
        return "" if self._looked is None else self._refused.get(self._looked.plane, "")

    def place_of(self, name: PlaneName) -> tuple[Binding, Region] | None:
        """Whose plane or volume it is; None if it was closed meanwhile."""
        return self._planes.get(name)

    def look(
        self,
        viewer: Viewer,
        binding: Binding,
        index: Index,
        overlay: int | None,
        *,
        certainty: bool = False,
    ) -> None:
        """Tell what is in view; the plane and its neighbours are opened where needed."""
        around = () if self.volumes else _neighbours(binding, index)
        regions = [self._region(binding, at) for at in (index, *around)]
        planes = {_name(binding, region): region for region in regions}
        for plane, region in planes.items():
            if plane not in self._planes:
                self._open(plane, binding, region)
        name, *near = planes
        box = visible_box(viewer, binding.image, binding.shape)
        look = Look(name, box, overlay, tuple(near), regions[0].slice_of(index), certainty)
        if self._looked is None or _differ(look, self._looked):
            before, self._looked = self.refusal, look
            self.say.emit(look)
            if self.refusal != before:
                self.refusal_changed.emit()
        self._close_blank(set(planes))

    def annotate(self, binding: Binding, index: Index, *, seen: bool = False) -> None:
        """Tell of strokes; the plane is opened where needed. `seen`: they were there before."""
        region = self._region(binding, index)
        name = _name(binding, region)
        if name in self._planes:
            self._say_strokes(name, seen=seen)
        else:
            self._open(name, binding, region)

    def reopen(self, bindings: Sequence[Binding]) -> None:
        """Tell of all strokes again, after what the engine sees as one changed."""
        for binding in bindings:
            for index, strokes in binding.strokes.snapshots.items():
                region = self._region(binding, index)
                if strokes.blocks and _name(binding, region) not in self._planes:
                    self._open(_name(binding, region), binding, region)

    def deal(self, event: Dealt) -> None:
        """The engine said what it holds out of the strokes on a plane."""
        if event.plane not in self._planes:
            return
        binding, region = self._planes[event.plane]
        for index, held in region.apart(event.held).items():
            known = self.held.strokes(binding.image, index)
            if index in binding.strokes.snapshots and (known is None or not known.same_as(held)):
                self.held.note(binding.image, {index: held})
                self.dealt.emit(binding, index, held)

    def refuse(self, name: PlaneName, sentence: str) -> None:
        """The engine cannot use a plane as it is."""
        if name in self._planes:
            self._refused[name] = sentence
            self.refusal_changed.emit()

    def put_aside(self, binding: Binding, *, aside: bool) -> None:
        """Keep an image for validation, or learn from it again."""
        self.held.put_aside(binding.image, aside=aside)
        for name, (owner, _) in self._planes.items():
            if owner is binding:
                self._say_strokes(name, seen=True)

    def resend(self, binding: Binding) -> None:
        """The pixels of an image changed."""
        for name, (owner, region) in self._planes.items():
            if owner is binding:
                self._send(name, binding, region)

    def drop(self, binding: Binding) -> None:
        """Close all planes of an image."""
        for name, (owner, _) in list(self._planes.items()):
            if owner is binding:
                self._close(name)

    def see_volumes(self, *, volumes: bool) -> None:
        """Close all planes; the engine gets volumes from now on, or planes."""
        for name in list(self._planes):
            self._close(name)
        self.volumes, self._looked = volumes, None

    def answer(self, wanted: Wanted) -> bool:
        """Give the engine pixels that it asks for; False if they are of no plane in here."""
        return self._feed.answer(wanted)

    def replay(self) -> None:
        """Tell a new engine of all planes; it must be told again what is in view."""
        self._feed.forget_questions()
        for name, (binding, region) in self._planes.items():
            binding.tiles.forget_generations()
            self._send(name, binding, region)
        self._looked = None

    def _region(self, binding: Binding, index: Index) -> Region:
        return region_of(binding.image, index, deep=self.volumes)

    def _open(self, name: PlaneName, binding: Binding, region: Region) -> None:
        self._planes[name] = (binding, region)
        self._send(name, binding, region)

    def _send(self, name: PlaneName, binding: Binding, region: Region) -> None:
        was_refused = self._refused.pop(name, "")
        self._feed.give(name, pixels_of(binding.images, region))
        self._say_strokes(name, seen=True)
        if was_refused:
            self.refusal_changed.emit()

    def _on_failed(self, name: PlaneName, sentence: str) -> None:
        self.refuse(name, sentence)
        self.complained.emit(sentence)

    def _say_strokes(self, name: PlaneName, *, seen: bool) -> None:
        binding, region = self._planes[name]
        strokes = region.together(binding.strokes.snapshots)
        if strokes is None:
            return
        held = region.together(self.held.all_strokes(binding.image))
        self.say.emit(Annotate(name, strokes, seen, held, self.held.aside(binding.image)))

    def _close(self, name: PlaneName) -> None:
        del self._planes[name]
        self._refused.pop(name, None)
        self._feed.drop(name)
        self.say.emit(Close(name))

    def _close_blank(self, kept: set[PlaneName]) -> None:
        """A plane without strokes is only needed while it is in view, or nearly so."""
        for name, (binding, region) in list(self._planes.items()):
            if name not in kept and not region.is_painted(binding.strokes.snapshots):
                self._close(name)


def _name(binding: Binding, region: Region) -> PlaneName:
    axes = [("z" if a == region.axis else str(at)) for a, at in enumerate(region.index)]
    return f"{binding.number}{'v' * region.deep}:{','.join(axes)}"


def _neighbours(binding: Binding, index: Index) -> list[Index]:
    """The planes that the user may scroll to next."""
    lengths, axis = binding.lengths, slice_axis(binding.image)
    if axis is None:
        return []
    steps = [at for at in (index[axis] + 1, index[axis] - 1) if 0 <= at < lengths[axis]]
    return [(*index[:axis], at, *index[axis + 1 :]) for at in steps]


def _differ(one: Look, other: Look) -> bool:
    return structs.astuple(one) != structs.astuple(other)
