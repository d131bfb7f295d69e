"""Reads the image files that a project names: it may be a stranger's, so never whatever it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from napari.layers import Image, Layer
from napari.viewer import Viewer
from npe2 import PluginManager

from napari_unet.core.files import SUFFIXES
from napari_unet.core.finding import ZARR
from napari_unet.core.project.manifest import Source
from napari_unet.core.reading_bioio import PACKAGES
from napari_unet.widgets.project_images import best

Allow: TypeAlias = Callable[[str], bool]  # a question that the user answers

# Of pictures and slides that napari reads itself, beside those that this program reads
_PICTURES = {
    ".jp2", ".j2k", ".jpe", ".webp", ".tga", ".pbm", ".pgm", ".ppm", ".btf", ".svs", ".ndpi",
    ".scn", ".qptiff",
}  # fmt: skip
_ONLY_IF = "Allow that only if you know where the project comes from."
KNOWN = {*SUFFIXES, *PACKAGES, *_PICTURES}
_OWN = ("napari", "builtins")  # what napari calls its own readers
_allowed: set[str] = set()  # plugins that the user let a project use since the program started


def refuse(question: str) -> bool:
    """Where nobody can be asked, nothing is allowed."""
    del question
    return False


class Reading:
    """Opens files of one project in a viewer.

    napari chooses how, where it knows; else its own readers are tried. The plugin that the project
    names is used only where the user allows it, or for a project that never left this computer's
    own folder: plugins, and napari's own reader of scripts, may run what is in a file.

    Parameters
    ----------
    viewer : Viewer
    allow : callable
        Asks the user whether something may be done.
    tell : callable
        Takes a sentence on what was not opened.
    own : bool
        It is the user's own project for sure.
    """

    def __init__(
        self, viewer: Viewer, allow: Allow, tell: Callable[[str], object], *, own: bool
    ) -> None:
        self._viewer, self._allow, self._tell, self._own = viewer, allow, tell, own

    def open(self, path: Path, source: Source) -> list[Layer]:
        """The layers of a file, in the way that gives the one that is meant."""
        layers: list[Layer] = []
        said = ""
        for reader in self._readers(path, source.reader):
            for layer in layers:  # of a reader that gave something else
                if layer in self._viewer.layers:
                    self._viewer.layers.remove(layer)
            try:
                layers = list(self._viewer.open(str(path), plugin=reader))
            except Exception as error:  # noqa: BLE001 - readers are other people's
                layers, said = [], said or str(error)
            if best([la for la in layers if isinstance(la, Image)], source) is not None:
                return layers
        if said and not layers:
            self._tell(f"{path.name} cannot be read: {said}")
        return layers

    def _readers(self, path: Path, named: str) -> Iterator[str | None]:
        """What to open a file with, one after the other until one is right."""
        foreign = "" if named in _OWN or named not in _readers_of(path) else named
        image, trusted = _is_image(path), bool(foreign) and (self._own or foreign in _allowed)
        if trusted:
            yield foreign
        if image:
            yield None
            yield _OWN[0]
        if trusted:
            return
        if foreign and self._may_use(foreign, path):
            yield foreign
        elif not image and path.is_dir() and (self._own or self._may_open_all(path)):
            yield _OWN[0]
        elif foreign or not image:
            self._tell(
                f"{path.name} is not opened, as a project may open nothing but images by itself. "
                "If you know what is in it, open it in napari, then open the project again."
            )

    def _may_use(self, plugin: str, path: Path) -> bool:
        """Ask the user, once for all files."""
        if self._allow(
            f"The project wants “{path.name}” to be opened by the plugin {plugin}, which may run "
            f"what is in a file. {_ONLY_IF}"
        ):
            _allowed.add(plugin)
        return plugin in _allowed

    def _may_open_all(self, folder: Path) -> bool:
        return self._allow(f"The project wants all images in {folder} to be opened. {_ONLY_IF}")


def _is_image(path: Path) -> bool:
    """Whether it is a file of a kind that holds an image and nothing that runs."""
    suffix = path.suffix.lower()
    return suffix in KNOWN and (path.is_file() or suffix == ZARR)


def _readers_of(path: Path) -> set[str]:
    """The plugins that say that they can read a file."""
    manager = PluginManager.instance()
    return {reader.plugin_name for reader in manager.iter_compatible_readers(str(path))}
