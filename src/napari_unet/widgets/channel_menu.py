"""A button whose menu has further layers to be taken as channels of an image."""

from __future__ import annotations

from collections.abc import Sequence

from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QPushButton, QWidget

from napari_unet.widgets.planes import full_shape
from napari_unet.widgets.watch import ViewerWatch


class ChannelMenu(QPushButton):
    """Layers of the same size as an image, to be ticked.

    Attributes
    ----------
    images : the image, and the layers that are its further channels.
    hidden : layers that are never offered.

    Signals
    -------
    chosen : list of Image
        The user ticked others (not the program); the image comes first.
    """

    chosen = Signal(object)

    def __init__(self, watch: ViewerWatch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._watch = watch
        self.images: tuple[Image, ...] = ()
        self.hidden: tuple[Image | None, ...] = ()
        self.setToolTip("Take further layers of the same size as channels of this image.")
        self.setAccessibleName("Further channels")
        self._menu = QMenu(self)
        self.setMenu(self._menu)
        self._menu.aboutToShow.connect(self._fill)
        self.show_images(())

    def show_images(self, images: Sequence[Image]) -> None:
        """Show an image with its channels as chosen; none with ()."""
        self.images = tuple(images)
        names = " + ".join(layer.name for layer in self.images[1:])
        self.setText(f"+ {names}" if names else "this layer only")

    @property
    def candidates(self) -> list[Image]:
        """Layers that could be further channels, from the bottom up, as readers add channels."""
        if not self.images:
            return []
        mine = full_shape(self.images[0])
        return [
            layer
            for layer in reversed(self._watch.layers(Image))
            if layer is not self.images[0]
            and full_shape(layer) == mine
            and not any(layer is hidden for hidden in self.hidden)
        ]

    def _fill(self) -> None:
        self._menu.clear()
        for layer in self.candidates:
            action = self._menu.addAction(layer.name)
            action.setCheckable(True)
            action.setChecked(any(layer is taken for taken in self.images))
            action.setData(layer)
            action.triggered.connect(self._on_ticked)

    def _on_ticked(self) -> None:
        more = [action.data() for action in self._menu.actions() if action.isChecked()]
        self.show_images([self.images[0], *more])
        self.chosen.emit(list(self.images))
