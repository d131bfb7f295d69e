"""Planes with what is painted on them, as the window told of them last."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from napari_unet.core.annotations import Annotations, check_shapes
from napari_unet.core.image import Picture
from napari_unet.core.provenance import Image, Notes
from napari_unet.core.suitable import check_alike
from napari_unet.engine.messages import Annotate


class Sheets:
    """Pictures and paint by the names of their planes; either may come first.

    Attributes
    ----------
    pictures, paint : of each plane.
    held : what of its paint is held out, if that was told or dealt.
    aside : planes that are only judged by.
    """

    def __init__(self) -> None:
        self.pictures: dict[str, Picture] = {}
        self.paint: dict[str, Annotations] = {}
        self.held: dict[str, Annotations] = {}
        self.aside: set[str] = set()
        self._titles: dict[str, str] = {}
        self._notes = Notes()

    def check(self, plane: str, picture: Picture) -> None:
        """Refuse a picture that one network cannot learn from together with the others.

        Raises
        ------
        ImageError
        """
        check_alike(picture, [other for name, other in self.pictures.items() if name != plane])

    def lay(self, plane: str, picture: Picture, title: str) -> bool:
        """Add a plane or replace it; whether its paint was dropped, as it fits no longer."""
        replaced = self.pictures.get(plane)
        self.pictures[plane], self._titles[plane] = picture, title
        if replaced is None or replaced.shape == picture.shape:
            return False
        self.held.pop(plane, None)
        return self.paint.pop(plane, None) is not None

    def take_away(self, plane: str) -> bool:
        """Forget a plane; whether there was paint on it."""
        self.pictures.pop(plane, None)
        self.held.pop(plane, None)
        self.aside.discard(plane)
        paint = self.paint.pop(plane, None)
        return paint is not None and bool(paint.blocks)

    def mark(self, command: Annotate) -> bool:
        """Take a plane's new paint; whether it is other paint, or used in another way.

        Raises
        ------
        AnnotationError
            If it does not fit its plane.
        """
        plane, paint = command.plane, command.annotations
        if plane in self.pictures:
            check_shapes(paint.shape, self.pictures[plane].shape)
        before = self.paint.get(plane, Annotations(paint.shape))
        same = before.same_as(paint) and command.aside == (plane in self.aside)
        self.paint[plane] = paint
        (self.aside.add if command.aside else self.aside.discard)(plane)
        if command.held is not None and command.held.shape == paint.shape:
            self.held.setdefault(plane, command.held)
        return not same

    def notes(self) -> Iterator[Image]:
        """Of each plane that is painted, for the record of how a model was made."""
        for name, picture in self.pictures.items():
            paint = self.paint.get(name)
            if paint is not None and paint.blocks:
                note = self._notes.image(name, self._titles.get(name, ""), picture.raw, paint)
                yield replace(note, aside=name in self.aside)
