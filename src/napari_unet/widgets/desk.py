"""The images on the desk: which are bound to strokes and predictions, and which is in work."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_unet.core.annotations import Annotations
from napari_unet.widgets.binding import Binding, bind
from napari_unet.widgets.display import Display
from napari_unet.widgets.gaze import Gaze
from napari_unet.widgets.plane_book import PlaneBook
from napari_unet.widgets.planes import Index, full_shape


class Desk(QObject):
    """Bindings of one viewer.

    Signals
    -------
    turned : another image is in work, and not because the user chose it.
    selected : int
        The label to paint with changed in the active strokes.
    painted : int
        Strokes changed; the largest class number in them. Comes before the engine is told.
    stroked : Binding, Index, Annotations
        A plane holds other paint than before. Comes again when the engine is told.
    bound, repixelled : Binding
        An image was taken to the desk and its strokes looked at; it has other pixels now.
    lost : str
        The image in work is gone, as a sentence.
    complained : str
        Something cannot be used, as a sentence.
    """

    turned = Signal()
    selected = Signal(int)
    painted = Signal(int)
    stroked = Signal(object, object, object)
    bound = Signal(object)
    repixelled = Signal(object)
    lost = Signal(str)
    complained = Signal(str)

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self.bindings: list[Binding] = []
        self.planes = PlaneBook()
        self.gaze = Gaze(viewer, self.planes)
        self.display = Display(viewer, self.planes, self.gaze)
        self.planes.complained.connect(self.complained)
        self.scanning = False  # strokes that come now were there before their image was chosen
        self.objects: tuple[int, ...] = ()  # classes whose objects are told apart
        self._count = 0
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def active(self) -> Binding | None:
        """The image in work."""
        return self.gaze.binding

    def choose(self, images: Sequence[Image], paint: Labels | None, colours: Sequence[str]) -> None:
        """Work on an image from now on; strokes on others are still trained on.

        Raises
        ------
        ImageError, AnnotationError
            If the layers do not fit each other.
        """
        viewer = self._viewer()
        if viewer is None:
            return
        known = next((b for b in self.bindings if b.image is images[0]), None)
        if known is not None and known.lengths != full_shape(images[0]):
            self._drop(known)  # its axes have other roles now
            known.leave(viewer)
            known = None
        if known is not None and known.images == tuple(images) and paint in (None, known.paint):
            self._turn_to(known)
            return
        self._count += 1
        old_paint, shown = (known.paint, known.prediction) if known else (None, None)
        binding = bind(viewer, self._count, images, paint or old_paint, colours, shown)
        if known is not None:
            binding.tiles.planes |= known.tiles.planes
            self._drop(known)
        self._take(binding)
        self._turn_to(binding)
        self.scanning = True
        if binding.blank:  # of a stack, that would be thousands of planes without paint
            binding.strokes.flush()
        else:
            binding.strokes.scan()
        self.scanning = False
        self.bound.emit(binding)

    def see_volumes(self, *, volumes: bool, between: Callable[[], None]) -> None:
        """Let the engine see all slices along z as one from now on, or each by itself.

        Strokes stay. `between`: what the engine is told while it has no image.
        """
        self.flush()
        self.planes.see_volumes(volumes=volumes)
        between()
        self.planes.reopen(self.bindings)
        self.gaze.look()

    def regroup(self) -> None:
        """Let the engine see other slices as one where it sees volumes: z is another axis now."""
        if self.planes.volumes:
            self.see_volumes(volumes=True, between=lambda: None)
        else:
            self.gaze.look()

    def release(self) -> None:
        """Work on no image for now."""
        self.gaze.binding = None

    def clear(self) -> None:
        """Take all images off the desk, and their layers out of the viewer."""
        for binding in list(self.bindings):
            self.remove(binding)

    def remove(self, binding: Binding) -> None:
        """Take an image off the desk, and its layers out of the viewer."""
        viewer = self._viewer()
        self._drop(binding)
        for layer in (*binding.images, binding.paint, binding.prediction):
            if viewer is not None and layer in viewer.layers:
                viewer.layers.remove(layer)

    def flush(self) -> None:
        """Look at all strokes now, without waiting for a rest."""
        for binding in self.bindings:
            binding.strokes.flush()

    def visit(self, binding: Binding, index: Index) -> None:
        """Work on an image from now on, and show this plane of it."""
        if binding is not self.active:
            self._turn_to(binding)
            self.turned.emit()
        self.gaze.go_to(index)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Painted pixels of each class 0…255, on all images."""
        return sum((b.strokes.counts for b in self.bindings), np.zeros(256, np.int64))

    def replay(self) -> None:
        """Tell a new engine everything."""
        self.planes.replay()
        self.gaze.look()

    def recolour(self, colours: Sequence[str]) -> None:
        """Give all strokes and predictions these class colours."""
        for binding in self.bindings:
            binding.recolour(colours)

    def close(self) -> None:
        """Let go of everything."""
        self.gaze.close()
        for binding in list(self.bindings):
            self._drop(binding)
        viewer = self._viewer()
        if viewer is not None:
            viewer.layers.events.removed.disconnect(self._on_removed)

    # -- bindings ------------------------------------------------------------------------

    def _take(self, binding: Binding) -> None:
        binding.strokes.objects = self.objects
        binding.strokes.changed.connect(partial(self._on_strokes, binding))
        binding.strokes.drawn.connect(partial(self.stroked.emit, binding))
        binding.strokes.refused.connect(self.complained)
        binding.paint.events.selected_label.connect(self._on_selected)
        self.display.add(binding)
        for image in binding.images:
            image.events.data.connect(self._on_image_data)
        self.bindings.append(binding)

    def _turn_to(self, binding: Binding) -> None:
        self.gaze.binding = binding
        self.gaze.look()

    def _drop(self, binding: Binding) -> None:
        binding.strokes.flush()
        binding.close()
        binding.paint.events.selected_label.disconnect(self._on_selected)
        self.display.drop(binding)
        for image in binding.images:
            image.events.data.disconnect(self._on_image_data)
        self.bindings.remove(binding)
        if binding is self.active:
            self.release()
        self.planes.drop(binding)

    def _lose(self, binding: Binding, sentence: str) -> None:
        was_active = binding is self.active
        self._drop(binding)
        if was_active:
            self.lost.emit(sentence)

    # -- what viewer and layers tell -----------------------------------------------------

    def _on_strokes(self, binding: Binding, index: Index, strokes: Annotations) -> None:
        self.painted.emit(strokes.largest)
        self.planes.annotate(binding, index, seen=self.scanning)
        self.stroked.emit(binding, index, strokes)

    def _on_image_data(self, event: Any) -> None:  # noqa: ANN401
        for binding in list(self.bindings):
            if event.source not in binding.images:
                continue
            if full_shape(binding.image) == binding.lengths:
                self.planes.resend(binding)
                self.repixelled.emit(binding)
            else:
                name = event.source.name
                self._lose(binding, f"“{name}” has another size now: choose the image again.")

    def _on_removed(self, event: Any) -> None:  # noqa: ANN401
        for binding in list(self.bindings):
            if sentence := binding.loss(event.value):
                self._lose(binding, sentence)
        self.display.lose(event.value)

    def _on_selected(self, event: Any) -> None:  # noqa: ANN401
        if self.active is not None and event.source is self.active.paint:
            self.selected.emit(event.source.selected_label)
