"""*Share*: a package for bioimage.io, commands that repeat what was done, words for a paper."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QProcess
from qtpy.QtWidgets import QApplication, QFileDialog, QMenu, QPushButton, QWidget

from napari_unet.core.commands import train_command
from napari_unet.core.front import read_header
from napari_unet.core.header import ModelBytes, ModelError
from napari_unet.core.image import ImageError
from napari_unet.core.methods import paragraph
from napari_unet.core.package.errors import PackageError
from napari_unet.core.package.labelling import Label
from napari_unet.widgets import notices
from napari_unet.widgets.export_form import ask_label
from napari_unet.widgets.image_command import ImageCommandError, image_command
from napari_unet.widgets.model_file import SUFFIX, ModelFileError, write_model
from napari_unet.widgets.project_models import BEGUN
from napari_unet.widgets.sample_part import sample_part
from napari_unet.widgets.studio import Studio

Sample: TypeAlias = NDArray[Any] | None

# How to run the command line; tests put a stand-in here
command_line: Sequence[str] = (sys.executable, "-P", "-m", "napari_unet.cli")
SAVE_FIRST = " Save the model as model.safetensors first."
_PATTERN = "Packages of bioimage.io (*.zip)"


class ShareButton(QPushButton):
    """A menu of what makes a result usable and repeatable elsewhere.

    The package is written by the command line in a process of its own, as torch is not wanted here.
    """

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__("Share", parent)
        self._studio = studio
        self._process: QProcess | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.setToolTip("Export the model for other programs, or copy how it was made.")
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.export, self.command, self.image_command, self.methods = (
            menu.addAction(text, slot)
            for text, slot in (
                ("Export for bioimage.io…", self._on_export),
                ("Copy as command", self._on_command),
                ("Copy command for this image", self._on_image_command),
                ("Copy methods paragraph", self._on_methods),
            )
        )
        self.export.setToolTip("A zip file that other programs can run.")
        self.command.setToolTip("The line that trains once more, on the project's strokes.")
        self.image_command.setToolTip("The line that segments the file of the image in work.")
        self.methods.setToolTip("How the model was made, with references, for a paper.")
        self.setMenu(menu)

    def package(
        self, label: Label, path: Path, purpose: str = "whole", sample: Sample = None
    ) -> None:
        """Write a package of the best model so far, as soon as the engine hands it over.

        It shows the `sample`, (Y, X) or (Y, X, 3), or else an image that comes along.
        """
        try:
            label.check()
        except PackageError as error:
            self._studio.lesson.complain(str(error))
            return
        self._studio.lesson.hand_over(
            lambda model: self._run(model, label, path, purpose, sample),
            "The package is not written",
        )

    def _on_export(self) -> None:
        asked = ask_label(self.window())
        if asked is None:
            return
        label, values = asked
        name, _ = QFileDialog.getSaveFileName(self, "Export", "model.zip", _PATTERN)
        if not name:
            return
        try:
            sample = sample_part(self._studio.desk.active) if values["sample"] else None
        except (ImageError, OSError) as error:
            self._studio.lesson.complain(f"The package is not written: {error}")
            return
        ended = Path(name if name.endswith(".zip") else name + ".zip")
        self.package(label, ended, "tiles" if values["tiles"] else "whole", sample)

    def _run(
        self, model: ModelBytes, label: Label, path: Path, purpose: str, sample: Sample
    ) -> None:
        if self._process is not None:  # two were asked for before the model came
            self._studio.lesson.complain(
                f"{path} is not written, as another package is: export it when that one is done."
            )
            return
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        file, shown = folder / f"model{SUFFIX}", folder / "sample.npy"
        try:
            write_model(file, model)
            if sample is not None:
                np.save(shown, sample)
        except (ModelFileError, OSError) as error:
            self._studio.lesson.complain(str(error))
            return
        words = ["export", str(file), "--out", str(path), "--title", label.title]
        words += ["--license", label.licence, "--about", label.about, "--data", label.data]
        words += ["--sample", str(shown)] * (sample is not None)
        self._start([*words, "--for", purpose, "--author", *label.authors], path)

    def _start(self, words: Sequence[str], path: Path) -> None:
        self._process = QProcess(self)
        self._process.finished.connect(lambda code: self._on_finished(code, path))
        self._process.errorOccurred.connect(lambda _: self._on_finished(1, path))
        program, *first = command_line
        self._process.start(program, [*first, *words])
        self.export.setEnabled(False)
        self._studio.lesson.say(f"Writing {path} …")

    def _on_finished(self, code: int, path: Path) -> None:
        process, self._process = self._process, None
        if process is None:  # told already
            return
        self.export.setEnabled(True)
        if self._folder is not None:
            self._folder.cleanup()
        said = bytes(process.readAllStandardError().data()).decode(errors="replace").strip()
        process.deleteLater()
        if code == 0:
            self._studio.lesson.confirm(f"The package is written: {path}.")
        elif said.splitlines() and said.splitlines()[-1].startswith("napari-unet: "):
            self._studio.lesson.complain(said.splitlines()[-1].removeprefix("napari-unet: "))
        else:
            notices.report("The package could not be written.", said)

    def _on_command(self) -> None:
        studio = self._studio
        project = studio.project.path
        if project is None:
            studio.lesson.complain("There are no strokes yet that a command could learn from.")
            return
        if studio.desk.planes.volumes:
            studio.lesson.complain(
                "No command repeats this: from a project, the command line learns slice by slice."
            )
            return
        studio.lesson.hand_over(partial(self._tell_command, project), "The command is not copied")

    def _tell_command(self, project: Path, model: ModelBytes) -> None:
        settings, out = self._studio.settings, f"model{SUFFIX}"
        try:
            header = read_header(model)
            copy_text(train_command(project, header, settings, out, project / BEGUN))
        except ModelError as error:
            self._studio.lesson.complain(str(error))
        else:
            self._studio.lesson.confirm(
                "The command is copied. Save the project first if you move its images."
            )

    def _on_image_command(self) -> None:
        try:
            copy_text(image_command(self._studio))
        except ImageCommandError as error:
            self._studio.lesson.complain(str(error))
        else:
            self._studio.lesson.confirm(f"The command is copied.{SAVE_FIRST}")

    def _on_methods(self) -> None:
        self._studio.lesson.hand_over(self._tell_methods, "The methods paragraph is not copied")

    def _tell_methods(self, model: ModelBytes) -> None:
        try:
            copy_text(paragraph(read_header(model)))
        except ModelError as error:
            self._studio.lesson.complain(str(error))
        else:
            self._studio.lesson.confirm(
                "A paragraph for the methods section is copied, with references."
            )


def copy_text(text: str) -> None:
    """Put words on the clipboard."""
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
