"""Which image layer is which image of the project, and what the project says of it."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import cast

from msgspec.structs import replace
from napari.layers import Image

from napari_unet.core.annotations import Annotations
from napari_unet.core.project.changes import Plane
from napari_unet.core.project.manifest import ImageEntry, Source
from napari_unet.widgets.binding import Binding
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.project_images import pixels, source_of
from napari_unet.widgets.project_store import Store


class ImageBook:
    """The images of a project by number.

    Attributes
    ----------
    entries : what the project says of each.
    held : which strokes are held out, as paint of classes.
    """

    def __init__(
        self,
        desk: Desk,
        entries: tuple[ImageEntry, ...] = (),
        held: Mapping[Plane, Annotations] | None = None,
    ) -> None:
        self._desk = desk
        self.entries = {entry.number: entry for entry in entries}
        self.held = dict(held or {})
        self._numbers: weakref.WeakKeyDictionary[Image, int] = weakref.WeakKeyDictionary()

    def number(self, binding: Binding) -> int | None:
        """Which image this is; None if it is none of the project's."""
        return self._numbers.get(binding.image)

    def binding(self, number: int) -> Binding | None:
        """The image of that number, if it is on the desk."""
        return next((b for b in self._desk.bindings if self.number(b) == number), None)

    def assign(self, image: Image, number: int) -> None:
        """Take a layer for that image."""
        self._numbers[image] = number

    def enter(self, binding: Binding) -> tuple[int, bool]:
        """The number of an image, a new one where needed; and whether its entry is new."""
        number = self.number(binding) or self.find_again(binding)
        known = self.entries.get(number) if number is not None else None
        layers = [source_of(layer) for layer in binding.images]
        if known is None or known.layers[0].shape != layers[0].shape:
            number = max(self.entries, default=0) + 1
        else:
            for at, (old, new) in enumerate(zip(known.layers, layers, strict=False)):
                if _alike(old, new) and (at == 0 or old.name == new.name):
                    layers[at] = replace(old, name=new.name, depth=new.depth)
        aside = self._desk.planes.held.aside(binding.image)
        entry = ImageEntry(cast("int", number), tuple(layers), aside)
        self.entries[entry.number] = entry
        self.assign(binding.image, entry.number)
        return entry.number, entry != known

    def renew(self, binding: Binding) -> None:
        """What the axes of an image are was chosen anew."""
        if self.number(binding) is not None:
            self.enter(binding)

    def forget_pixels(self, binding: Binding) -> int | None:
        """The pixels of an image were replaced, so it is no longer what its file holds."""
        number = self.number(binding)
        if number is None:
            return None
        layers = tuple(replace(source_of(layer), file=None) for layer in binding.images)
        self.entries[number] = replace(self.entries[number], layers=layers)
        return number

    def find_again(self, binding: Binding) -> int | None:
        """The number of an image whose layer was removed and whose file was opened again."""
        if self.number(binding) is not None:
            return None
        mine = source_of(binding.image)
        for number, entry in self.entries.items():
            if _same_file(entry.layers[0], mine) and self.binding(number) is None:
                self.assign(binding.image, number)
                return number
        return None

    def identify(self, store: Store, number: int) -> None:
        """Have the files of an image looked at, or its pixels copied, where that is not done."""
        binding = self.binding(number)
        if binding is None:
            return
        sources = self.entries[number].layers
        for at, (layer, source) in enumerate(zip(binding.images, sources, strict=True)):
            if source.copy is None and (source.file is None or not source.file.checksum):
                store.identify(number, at, source, pixels(layer))

    def copy_anew(self, store: Store) -> None:
        """The copies of the images on the desk were lost: make others."""
        for number, entry in tuple(self.entries.items()):
            if self.binding(number) is not None:
                layers = tuple(replace(source, copy=None) for source in entry.layers)
                self.entries[number] = replace(entry, layers=layers)
                self.identify(store, number)

    def identified(self, number: int, at: int, source: Source) -> None:
        """The file of a layer was looked at."""
        entry = self.entries.get(number)
        if entry is not None and at < len(entry.layers):
            layers = (*entry.layers[:at], source, *entry.layers[at + 1 :])
            self.entries[number] = replace(entry, layers=layers)


def _alike(one: Source, other: Source) -> bool:
    return (one.shape, one.dtype, one.rgb) == (other.shape, other.dtype, other.rgb)


def _same_file(one: Source, other: Source) -> bool:
    if one.file is None or other.file is None:
        return False
    return one.file.path == other.file.path and one.shape == other.shape
