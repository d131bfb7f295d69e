"""Which image is segmented, which layers are its channels, and which layer is painted on."""

from __future__ import annotations

from napari.layers import Image, Labels
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFormLayout, QMenu, QPushButton, QWidget

from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.planes import full_shape
from napari_unet.widgets.studio import Studio

_ARRIVE = 120  # ms; a sample's strokes come right after its image


class ImageSection(QWidget):
    """Combos for the image and its strokes; follows the layers of the viewer."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.image = LayerCombo(studio.watch, Image, "choose an image…", self)
        self.image.setToolTip("The image to segment.")
        self.image.setAccessibleName("Image")
        self.channels = QPushButton(self)
        self.channels.setToolTip("Take further layers of the same size as channels of this image.")
        self.channels.setAccessibleName("Further channels")
        self._menu = QMenu(self.channels)
        self.channels.setMenu(self._menu)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.paint = LayerCombo(studio.watch, Labels, "a new layer", self)
        self.paint.setToolTip("The Labels layer that you paint on. It is made for you.")
        self.paint.setAccessibleName("Strokes")
        self._lay_out()
        self._arrival = QTimer(self)
        self._arrival.setSingleShot(True)
        self._arrival.timeout.connect(self._choose_only)
        self.image.chosen.connect(self._on_image)
        self.paint.chosen.connect(self._on_paint)
        studio.image_changed.connect(self.refresh)
        studio.watch.layers_changed.connect(self._on_layers)
        self.refresh()
        self._arrival.start(0)

    def _lay_out(self) -> None:
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.addRow("Image", self.image)
        self._form.addRow("Channels", self.channels)
        self._form.addRow("Strokes", self.paint)

    def refresh(self) -> None:
        """Show what the studio works on."""
        active = self._studio.desk.active
        self.image.show_layer(None if active is None else active.image)
        self.paint.hidden = tuple(b.prediction for b in self._studio.desk.bindings)
        self.paint.show_layer(None if active is None else active.paint)
        more = () if active is None else active.images[1:]
        names = " + ".join(layer.name for layer in more)
        self.channels.setText(f"+ {names}" if names else "this layer only")
        self._form.setRowVisible(self.channels, bool(self._candidates()))
        self.paint.setEnabled(active is not None)

    def _on_layers(self) -> None:
        self.refresh()
        self._arrival.start(_ARRIVE)

    def _choose_only(self) -> None:
        """An image that is alone needs no choosing."""
        images = self._studio.watch.layers(Image)
        if self._studio.desk.active is None and len(images) == 1 and self._studio.fresh:
            self._studio.choose(images)

    def _on_image(self, image: Image | None) -> None:
        if image is None:
            self._studio.release()
        else:
            self._studio.choose([image])

    def _on_paint(self, paint: Labels | None) -> None:
        active = self._studio.desk.active
        if active is not None:
            self._studio.choose(active.images, paint)

    def _candidates(self) -> list[Image]:
        """Layers that could be further channels of the image."""
        active = self._studio.desk.active
        if active is None:
            return []
        mine = full_shape(active.image)
        shown = [b.tiles.overlay for b in self._studio.desk.bindings]
        return [
            layer
            for layer in self._studio.watch.layers(Image)
            if layer is not active.image
            and full_shape(layer) == mine
            and not any(layer is p for p in shown)
        ]

    def _fill_menu(self) -> None:
        self._menu.clear()
        active = self._studio.desk.active
        for layer in self._candidates():
            action = self._menu.addAction(layer.name)
            action.setCheckable(True)
            action.setChecked(active is not None and any(layer is la for la in active.images))
            action.setData(layer)
            action.triggered.connect(self._on_channels)

    def _on_channels(self) -> None:
        active = self._studio.desk.active
        if active is not None:
            more = [a.data() for a in self._menu.actions() if a.isChecked()]
            self._studio.choose([active.image, *more])
