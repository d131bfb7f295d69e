"""What to segment, with what, and what to write: the form of a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from magicgui.widgets import CheckBox, ComboBox, FileEdit, LineEdit
from qtpy.QtWidgets import QFormLayout, QGridLayout, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_unet.core.objects_settings import ObjectSettings
from napari_unet.core.recipe import FORMATS, KINDS, Format, Kind, Recipe
from napari_unet.core.settings import Knob, declared
from napari_unet.engine.messages import SegmentFolder
from napari_unet.widgets.file_field import file_field
from napari_unet.widgets.model_file import PATTERN, read_model
from napari_unet.widgets.settings_form import field_of

_FROM_FILE, _FROM_PANEL = "a model file", "the model being trained here"
_TIPS: dict[Kind, str] = {
    "classes": "One label image per file: the class 1…K of each pixel.",
    "objects": "One label image per file: the number of the object each pixel belongs to.",
    "probabilities": "One image per file with a channel for each class, 0…1.",
    "measurements": "One table, measurements.csv, with a row for each object of all files.",
}
_SAID: dict[Format, str] = {"ome-tiff": "OME-TIFF", "ome-zarr": "OME-Zarr"}


class BatchFormError(ValueError):
    """Something is missing in the form; the message says what to do."""


class BatchForm(QWidget):
    """Folders, a model, and what is made of each file."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = file_field("d", "Images in", "The folder with the images.")
        self.target = file_field("d", "Results to", "The folder for the results.")
        self.model = file_field("r", "Model file", "Saved with “Save model…”.", PATTERN)
        self.pattern = LineEdit(value="*", tooltip="What file names must match, as *_dapi.tif.")
        self.deep = CheckBox(text="Sub-folders too", tooltip="The results mirror the sub-folders.")
        self.origin = ComboBox(
            choices=[_FROM_FILE, _FROM_PANEL], tooltip="Where the model comes from."
        )
        self.kinds = {
            kind: CheckBox(value=kind == "classes", text=kind.capitalize(), tooltip=_TIPS[kind])
            for kind in KINDS
        }
        self.format = ComboBox(
            choices=[(_SAID[name], name) for name in FORMATS],
            tooltip="The format of the label images.",
        )
        self.channels = LineEdit(tooltip="Numbers of the channels to use, as 1, 3. Empty: all.")
        self.of = LineEdit(
            tooltip="Numbers of the classes whose objects are wanted, as 2, 3. Empty: all but "
            "the first, which is the background."
        )
        self.objects = {knob.name: field_of(knob) for knob in declared(ObjectSettings())}
        self.again = CheckBox(
            text="Do what is done again",
            tooltip="Segment all files once more, and replace files of other origin.",
        )
        self.cluster = LineEdit(
            tooltip="Address of a Dask scheduler, as tcp://host:8786, whose workers see the same "
            "folders. Empty: compute on this machine."
        )
        self._lay_out()
        self._say_what_empty_means()
        for field in (self.origin, *self.kinds.values()):
            field.changed.connect(self._refresh)
        self._refresh()

    def _lay_out(self) -> None:
        kinds = QWidget(self)
        grid = QGridLayout(kinds)
        grid.setContentsMargins(0, 0, 0, 0)
        for number, box in enumerate(self.kinds.values()):
            grid.addWidget(box.native, number // 2, number % 2)
        self._form = _rows(
            ("Images in", self.source), ("Names", self.pattern), ("", self.deep),
            ("Model", self.origin), ("Model file", self.model), ("Write", kinds),
            ("As", self.format), ("Results to", self.target),
        )  # fmt: skip
        self._more = _rows(
            ("Channels", self.channels), ("Objects of", self.of),
            *((_label(knob), self.objects[knob.name]) for knob in declared(ObjectSettings())),
            ("", self.again), ("Dask cluster", self.cluster),
        )  # fmt: skip
        content = QWidget()
        content.setLayout(self._more)
        self.more = QCollapsible("More…", self, expandedIcon="▾", collapsedIcon="▸")
        self.more.setContent(content)
        self.more.collapse(animate=False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._form)
        layout.addWidget(self.more)

    def _say_what_empty_means(self) -> None:
        for field, said in (
            (self.channels, "all"),
            (self.of, "all but the first"),
            (self.cluster, "none: this machine"),
        ):
            field.native.setPlaceholderText(said)

    def _refresh(self) -> None:
        self._form.setRowVisible(self.model.native, self.from_file)
        counting = self.kinds["objects"].value or self.kinds["measurements"].value
        for field in (self.of, *self.objects.values()):
            self._more.setRowVisible(field.native, bool(counting))

    @property
    def from_file(self) -> bool:
        """Whether a model file is used, and not the model being trained."""
        return bool(self.origin.value == _FROM_FILE)

    def use_panel(self, folder: Path | None, objects: ObjectSettings) -> None:
        """Take this window's model, what is an object in it and, if none is chosen, this folder."""
        self.origin.value = _FROM_PANEL
        for name, field in self.objects.items():
            field.value = getattr(objects, name)
        if folder is not None and _path(self.source) is None:
            self.source.value = folder

    def command(self) -> SegmentFolder:
        """What the form says; without a place for the results none is named.

        Raises
        ------
        BatchFormError, ModelFileError
            With a sentence that says what to do.
        """
        source = _path(self.source)
        if source is None or not source.is_dir():
            named = f"There is no folder {source}: c" if source else "C"
            raise BatchFormError(f"{named}hoose the folder with the images.")
        target, model = _path(self.target), b""
        if self.from_file:
            path = _path(self.model)
            if path is None:
                raise BatchFormError("Choose a model file: one saved with “Save model…”.")
            model = read_model(path)
        return SegmentFolder(
            str(source),
            str(target or ""),
            self.pattern.value.strip() or "*",
            model,
            deep=self.deep.value,
            recipe=self._recipe(),
            again=self.again.value,
            cluster=self.cluster.value.strip(),
        )

    def _recipe(self) -> Recipe:
        kinds = tuple(kind for kind, box in self.kinds.items() if box.value)
        if not kinds:
            raise BatchFormError("Choose what to write: classes, objects, …")
        values = {name: field.value for name, field in self.objects.items()}
        return Recipe(
            kinds,
            self.format.value,
            _numbers(self.channels),
            _numbers(self.of),
            msgspec.convert(values, ObjectSettings),
        )


def _rows(*rows: tuple[str, Any]) -> QFormLayout:
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for label, field in rows:
        native = getattr(field, "native", field)
        if not label:  # says itself what it is
            form.addRow(native)
            continue
        form.addRow(label, native)
        native.setAccessibleName(label)
        form.labelForField(native).setToolTip(native.toolTip())
    return form


def _label(knob: Knob) -> str:
    if knob.kind is bool:
        return ""
    return f"{knob.label}, {knob.unit}" if knob.unit else knob.label


def _path(field: FileEdit) -> Path | None:
    text = str(field.value).strip()
    return Path(text) if text not in {"", "."} else None


def _numbers(field: LineEdit) -> tuple[int, ...]:
    parts = field.value.replace(",", " ").split()
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise BatchFormError(
            f"“{field.value}” are no numbers of channels or classes: write for example 1, 3."
        )
    return tuple(map(int, parts))
