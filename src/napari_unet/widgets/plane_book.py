"""Which planes the engine has, and what it must hear of them and of what is in view."""

from __future__ import annotations

from napari.viewer import Viewer
from qtpy.QtCore import QObject, Signal

from napari_unet.core.annotations import Annotations
from napari_unet.core.image import ImageError
from napari_unet.engine.messages import Annotate, Close, Look, Open, PlaneName
from napari_unet.widgets.compat import visible_box
from napari_unet.widgets.layers import Binding
from napari_unet.widgets.planes import Index, read_plane


class PlaneBook(QObject):
    """Open planes by name.

    Signals
    -------
    say : Command
        For the engine.
    complained : str
        A plane cannot be used, as a sentence.
    """

    say = Signal(object)
    complained = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._planes: dict[PlaneName, tuple[Binding, Index]] = {}
        self._looked: Look | None = None

    def place_of(self, name: PlaneName) -> tuple[Binding, Index] | None:
        """Whose plane it is; None if it was closed meanwhile."""
        return self._planes.get(name)

    def look(self, viewer: Viewer, binding: Binding, index: Index, overlay: int | None) -> None:
        """Tell what is in view; the plane is opened where needed."""
        name = _name(binding, index)
        if name not in self._planes and not self._open(name, binding, index):
            return
        box = visible_box(viewer, binding.image, binding.shape)
        look = Look(name, box, overlay)
        if self._looked is None or _differ(look, self._looked):
            self._looked = look
            self.say.emit(look)
        self._close_blank(name)

    def annotate(
        self, binding: Binding, index: Index, strokes: Annotations, *, seen: bool = False
    ) -> None:
        """Tell of strokes; the plane is opened where needed. `seen`: they were there before."""
        name = _name(binding, index)
        if name in self._planes:
            self.say.emit(Annotate(name, strokes, seen))
        else:
            self._open(name, binding, index)

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

    def replay(self) -> None:
        """Tell a new engine of all planes; it must be told again what is in view."""
        for name, (binding, index) in self._planes.items():
            binding.tiles.forget_generations()
            self._send(name, binding, index)
        self._looked = None

    def _open(self, name: PlaneName, binding: Binding, index: Index) -> bool:
        self._planes[name] = (binding, index)
        return self._send(name, binding, index)

    def _send(self, name: PlaneName, binding: Binding, index: Index) -> bool:
        try:
            self.say.emit(Open(name, read_plane(binding.images, index)))
        except ImageError as error:
            self.complained.emit(str(error))
            return False
        strokes = binding.strokes.snapshots.get(index)
        if strokes is not None:
            self.say.emit(Annotate(name, strokes, seen=True))
        return True

    def _close(self, name: PlaneName) -> None:
        del self._planes[name]
        self.say.emit(Close(name))

    def _close_blank(self, kept: PlaneName) -> None:
        """A plane without strokes is only needed while it is in view."""
        for name, (binding, index) in list(self._planes.items()):
            strokes = binding.strokes.snapshots.get(index)
            if name != kept and (strokes is None or not strokes.blocks):
                self._close(name)


def _name(binding: Binding, index: Index) -> PlaneName:
    return f"{binding.number}:{','.join(map(str, index))}"


def _differ(one: Look, other: Look) -> bool:
    return (one.plane, one.box, one.overlay) != (other.plane, other.box, other.overlay)
