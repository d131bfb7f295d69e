"""*Compute on*: this machine, or another one through ssh."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_unet.engine.host import PYTHON, Host, HostError, host_of
from napari_unet.widgets import hosts
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.style import show_less

_HERE, _OTHER = "This machine", "Another machine…"
_PYTHON_TIP = (
    "The Python there in the environment that has napari-unet, for example ~/unet/bin/python. "
    "It must be the same version of napari-unet as here."
)
_TRAVELS = "Images and strokes travel through ssh; folders are segmented on this machine."


class HostSection(QCollapsible):  # type: ignore[misc] # superqt is not followed
    """One line that says where the work is done; unfolded, it can be moved.

    Signals
    -------
    growing : it is about to show more.
    """

    growing = Signal()

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__("Compute on", parent, expandedIcon="▾", collapsedIcon="▸")
        self._studio = studio
        self._shown: Host | None = None
        self._hint = ""  # about what is typed
        content = QWidget()
        self.place, self.connect_button = QComboBox(content), QPushButton("Connect", content)
        self.address, self.python = QLineEdit(content), QLineEdit(PYTHON, content)
        self.state, self._fields = QLabel(content), QWidget(content)
        self._lay_out(content)
        self.setContent(content)
        self.collapse(animate=False)
        self.place.activated.connect(self._on_place)
        self.address.returnPressed.connect(self._on_connect)
        self.python.returnPressed.connect(self._on_connect)
        self.connect_button.clicked.connect(self._on_connect)
        studio.news.connect(self.refresh)
        self._show_place(None)
        self.refresh()

    def _lay_out(self, content: QWidget) -> None:
        self.place.setAccessibleName("Compute on")
        self.place.setToolTip("Where the network learns and predicts: here, or elsewhere by ssh.")
        self.connect_button.setToolTip("Go on there. Strokes and weights come along.")
        self.address.setPlaceholderText("user@host")
        self.address.setToolTip("As you would type it after ssh; a key must let you in.")
        self.python.setToolTip(_PYTHON_TIP)
        self.state.setWordWrap(True)
        show_less(self.state)
        form = QFormLayout(self._fields)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("ssh", self.address)
        form.addRow("Python there", self.python)
        form.addRow(self.connect_button)
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.place, self._fields, self.state):
            layout.addWidget(part)

    def refresh(self) -> None:
        """Show where the work is done, and whether that goes well."""
        host = self._studio.care.host
        if host != self._shown:  # another panel moved it
            self._show_place(host)
        title = f"Compute on {host.address if host else 'this machine'}"
        if self._studio.lesson.lost:
            title += " (no connection)"
        if self.text() != title:
            self.setText(title)
        sentence = self._hint or self._sentence()
        if self.state.text() != sentence:  # many events change nothing
            self.state.setText(sentence)
        self.state.setVisible(bool(sentence))

    def _sentence(self) -> str:
        host, lesson = self._studio.care.host, self._studio.lesson
        if host is None:
            return ""
        if lesson.lost:
            return lesson.lost
        if lesson.gone:
            return f"The engine on {host.address} stopped. Press Connect to start it again."
        if host != self._studio.keeper.host or not lesson.report.device:
            return f"Connecting to {host.address}…"
        return f"Connected to {host.address}. {_TRAVELS}"

    def _show_place(self, host: Host | None) -> None:
        """Offer all machines that are known, and choose this one."""
        self._shown, self._hint = host, ""
        known = hosts.known()
        if host is not None and host not in known:
            known = [host, *(one for one in known if one.address != host.address)]
        self.place.clear()
        self.place.addItem(_HERE)
        for one in known:
            self.place.addItem(f"ssh {one.address}", one)
        self.place.addItem(_OTHER)
        addresses = ["", *(one.address for one in known)]
        self.place.setCurrentIndex(addresses.index(host.address) if host else 0)
        self._fields.setVisible(host is not None)
        self._fill(host)

    def _on_place(self, index: int) -> None:
        host = self.place.itemData(index)
        if host is not None or index == 0:
            self._move(host)
            return
        self._fill(None)
        self.growing.emit()
        self._fields.show()
        self._hint = "Write where to compute, then press Connect."
        self.refresh()
        self.address.setFocus()

    def _on_connect(self) -> None:
        try:
            host = host_of(self.address.text(), self.python.text())
        except HostError as error:
            self._hint = str(error)
            self.refresh()
            return
        self._move(host)

    def _move(self, host: Host | None) -> None:
        self.growing.emit()
        self._show_place(host)
        lesson = self._studio.lesson
        if host != self._studio.care.host or lesson.lost or lesson.gone:
            self._studio.care.move(host)
        self.refresh()

    def _fill(self, host: Host | None) -> None:
        self.address.setText(host.address if host else "")
        self.python.setText(host.python if host else PYTHON)
