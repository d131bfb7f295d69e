"""Which image is segmented, which layers are its channels, and which layer is painted on."""

from __future__ import annotations

from napari.layers import Image, Labels
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QWidget

from napari_unet.widgets.binding import Binding
from napari_unet.widgets.channel_menu import ChannelMenu
from napari_unet.widgets.folder_row import FolderRow
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.planes import (
    Roles,
    all_lengths,
    axis_names,
    choose_roles,
    depth_axis,
    possible_roles,
    roles_of,
)
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.timers import single_shot

_MOST_CHANNELS = 32
_VOLUMES = (
    "The network looks at the slices above and below, too: better where one slice alone does not "
    "tell, and slower. Strokes on a few slices are enough. When this is changed, your strokes "
    "stay, and the network starts anew."
)
_ARRIVE = 120  # ms; a sample's strokes come right after its image


class ImageSection(QWidget):
    """Combos for the image and its strokes; follows the layers of the viewer."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio, self._roles = studio, list[Roles]()
        self.image = LayerCombo(studio.watch, Image, "choose an image…", self)
        self.image.setToolTip("The image to segment.")
        self.image.setAccessibleName("Image")
        self.folder = FolderRow(studio.walk, self)
        self.channels = ChannelMenu(studio.watch, self)
        self.channels.chosen.connect(studio.choose)
        self.axes = QComboBox(self)
        self.axes.setToolTip(
            "What the axes of the image are: z, whose slices can be looked at together (3-D); "
            "planes such as time, each segmented by itself; or channels, looked at together."
        )
        self.axes.setAccessibleName("Axes")
        self.axes.activated.connect(self._on_axes)
        self.volumes = QCheckBox(self)
        self.volumes.setAccessibleName("Look across slices")
        self.volumes.clicked.connect(self._on_volumes)
        self.paint = LayerCombo(studio.watch, Labels, "a new layer", self)
        self.paint.setToolTip("The Labels layer that you paint on. It is made for you.")
        self.paint.setAccessibleName("Strokes")
        self._lay_out()
        self._arrival = single_shot(self, self._choose_only)
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
        self._form.addRow("Folder", self.folder)
        self._form.addRow("Axes", self.axes)
        self._form.addRow("3-D", self.volumes)
        self._form.addRow("Channels", self.channels)
        self._form.addRow("Strokes", self.paint)

    def refresh(self) -> None:
        """Show what the studio works on."""
        active = self._studio.desk.active
        self.image.show_layer(None if active is None else active.image)
        self.paint.hidden = tuple(b.prediction for b in self._studio.desk.bindings)
        self.paint.show_layer(None if active is None else active.paint)
        self.channels.hidden = tuple(b.tiles.overlay for b in self._studio.desk.bindings)
        self.channels.show_images(() if active is None else active.images)
        self._fill_axes(active)
        self._offer_volumes(active)
        self._form.setRowVisible(self.channels, bool(self.channels.candidates))
        self.paint.setEnabled(active is not None)

    def _fill_axes(self, active: Binding | None) -> None:
        """List what the axes before y and x can be, as guessed from their names or chosen."""
        self.axes.clear()
        self._roles = [] if active is None else possible_roles(active.image, _MOST_CHANNELS)
        lengths = () if active is None else all_lengths(active.image)[:-2]
        self._form.setRowVisible(self.axes, bool(lengths))
        if active is None or not lengths:
            return
        named = list(zip(axis_names(active.image), lengths, strict=True))
        self.axes.addItems([_described(roles, named) for roles in self._roles])
        if (now := roles_of(active.image)) in self._roles:
            self.axes.setCurrentIndex(self._roles.index(now))

    def _offer_volumes(self, active: Binding | None) -> None:
        """Volumes are offered where there is one."""
        axis = None if active is None else depth_axis(active.image)
        chosen = self._studio.desk.planes.volumes
        self._form.setRowVisible(self.volumes, chosen or axis is not None)
        self.volumes.setChecked(chosen)
        name = "slices" if active is None or axis is None else _as_z(axis_names(active.image)[axis])
        self.volumes.setText(f"look across {name}")
        self.volumes.setToolTip(_VOLUMES)

    def _on_volumes(self, checked: bool) -> None:  # noqa: FBT001 - a signal's
        self._studio.network.see_volumes(volumes=checked)

    def _on_axes(self, row: int) -> None:
        active = self._studio.desk.active
        if active is None:
            return
        before, roles = roles_of(active.image), self._roles[row]
        if roles == before:
            return
        for layer in active.images:
            choose_roles(layer, roles)
        if roles.channels == before.channels:
            self._studio.desk.regroup()
        self._studio.choose(active.images)
        self._studio.project.book.renew(active)
        self._studio.project.touch()

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


def _as_z(name: str) -> str:
    """The axis that is taken for z, by its own name too if that is another one."""
    return name if name.lower() == "z" else f"z ({name})"


def _described(roles: Roles, named: list[tuple[str, int]]) -> str:
    """What axes of these names and lengths are, in words."""
    words = [f"{name} ({length})" for name, length in named]
    parts, chosen = [], {roles.channels, roles.depth}
    if roles.channels is not None:
        parts.append(f"channels: {words[roles.channels]}")
    if roles.depth is not None:
        own = named[roles.depth][0].lower() == "z"
        parts.append(words[roles.depth] if own else f"z: {words[roles.depth]}")
    if planes := [word for axis, word in enumerate(words) if axis not in chosen]:
        parts.append(f"planes: {', '.join(planes)}")
    return "; ".join(parts)
