"""A combo box of layers that keeps its choice by object, whatever layers come to be called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_unet.widgets.watch import ViewerWatch

Kind: TypeAlias = type | tuple[type, ...]


class LayerCombo(QComboBox):
    """Layers of one kind, after a first entry that stands for none.

    Attributes
    ----------
    hidden : layers that are not offered.
    fits : which of the others are; None if all are.

    Signals
    -------
    chosen : Layer or None
        The user chose (not the program).
    """

    chosen = Signal(object)

    def __init__(
        self, watch: ViewerWatch, kind: Kind, none: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._watch, self._kind, self._none = watch, kind, none
        self._layers: list[Any] = [None]
        self.hidden: tuple[Any, ...] = ()
        self.fits: Callable[[Any], bool] | None = None
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        watch.layers_changed.connect(self.refresh)
        self.activated.connect(self._on_activated)
        self.refresh()

    @property
    def layer(self) -> Any:  # noqa: ANN401
        """The layer that is shown, or None."""
        return self._layers[max(self.currentIndex(), 0)]

    def show_layer(self, layer: Any) -> None:  # noqa: ANN401
        """Show a layer as chosen, or None."""
        self.refresh()
        self.setCurrentIndex(next((i for i, la in enumerate(self._layers) if la is layer), 0))

    def refresh(self) -> None:
        """List the layers anew; the choice stays if its layer is still there."""
        before = self.layer if self.count() else None
        self._layers = [None, *filter(self._offered, self._watch.layers(self._kind))]
        self.blockSignals(True)  # noqa: FBT003
        self.clear()
        self.addItems([self._none, *(la.name for la in self._layers[1:])])
        self.setCurrentIndex(next((i for i, la in enumerate(self._layers) if la is before), 0))
        self.blockSignals(False)  # noqa: FBT003

    def _offered(self, layer: Any) -> bool:  # noqa: ANN401
        hidden = any(layer is h for h in self.hidden)
        return not hidden and (self.fits is None or self.fits(layer))

    def _on_activated(self) -> None:
        self.chosen.emit(self.layer)
