"""What can be shown on top of a prediction: the probability of a class, or where it is unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari.layers import Image
from napari.utils import Colormap
from napari.viewer import Viewer

from napari_unet.engine.messages import UNSURE
from napari_unet.widgets.binding import Binding
from napari_unet.widgets.layers import overlay_layer
from napari_unet.widgets.planes import full_shape

# nothing where the prediction is sure, so that it shows through; no class has this colour
_GLOW = Colormap(
    [[1.0, 0.1, 0.9, 0.0], [1.0, 0.1, 0.9, 0.15], [1.0, 0.1, 0.9, 0.9]],
    controls=[0.0, 0.4, 1.0],
    name="unsure",
)


@dataclass(frozen=True)
class Overlay:
    """One of them.

    Attributes
    ----------
    what : class 1…K, or `UNSURE`.
    name : of its layer, after that of the image.
    """

    what: int
    name: str

    @classmethod
    def of(cls, what: int | None, classes: Sequence[str]) -> Overlay | None:
        """The overlay for a class (1…K of these names) or `UNSURE`; None for none."""
        if what is None:
            return None
        return cls(what, "unsure" if what == UNSURE else f"probability of {classes[what - 1]}")

    def show(self, viewer: Viewer, binding: Binding) -> None:
        """Have it written into a layer of its own, above or below the prediction.

        A layer from an earlier time is taken again; what is painted on stays selected.
        """
        image, unsure = binding.image, self.what == UNSURE
        name = f"{image.name} {self.name}"
        old = next((layer for layer in viewer.layers if layer.name == name), None)
        if isinstance(old, Image) and full_shape(old) == full_shape(image):
            old.visible = True
            binding.tiles.show_overlay(old)
            return
        layer = overlay_layer(image, name, *((_GLOW, 1.0) if unsure else ("magma", 0.7)))
        binding.tiles.show_overlay(layer)  # who hears of the new layer must know what it is
        active = viewer.layers.selection.active
        viewer.layers.insert(viewer.layers.index(binding.prediction) + unsure, layer)
        viewer.layers.selection.active = active
