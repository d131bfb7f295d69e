"""Files that belong together, by their stem: `a/cell1.tif` and `b/cell1.png`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_unet.cli.output import Refusal, say
from napari_unet.core.annotations import AnnotationError, check_shapes
from napari_unet.core.files import FileError
from napari_unet.core.finding import gather
from napari_unet.core.image import ImageError, Picture


def by_stem(files: Iterable[Path]) -> dict[str, Path]:
    """Name files by their stem.

    Raises
    ------
    Refusal
        If two different files share one.
    """
    named: dict[str, Path] = {}
    for file in files:
        if (other := named.setdefault(file.stem, file)) != file:
            raise Refusal(
                f"{other} and {file} have the same name up to the ending: rename one, so that it "
                "is clear which file belongs to it."
            )
    return named


def pair(images: Sequence[Path], annotations: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Match images and annotations, given as files or folders, by stem.

    Images in a folder that nobody annotated are left out, and that is said; a file that was
    named must have its counterpart.

    Raises
    ------
    Refusal
        If files do not match.
    """
    painted = by_stem(gather(annotations))
    pictures = by_stem(gather(images))
    if both := sorted(set(painted.values()) & set(pictures.values())):
        raise Refusal(
            f"{both[0]} is given both as image and as annotation: "
            "name different files or folders for the two."
        )
    named = {path for path in images if not path.is_dir()}
    unpainted = [path for stem, path in pictures.items() if stem not in painted]
    unpictured = [path for stem, path in painted.items() if stem not in pictures]
    missing = [path for path in unpainted if path in named]
    if unpictured:
        raise Refusal(
            f"No image has the name of the annotation {unpictured[0].name}"
            f"{_more(unpictured)}: give both the same name up to the ending."
        )
    if missing or len(unpainted) == len(pictures):
        missing = missing or unpainted
        raise Refusal(
            f"No annotation has the name of the image {missing[0].name}"
            f"{_more(missing)}: give both the same name up to the ending."
        )
    if unpainted:
        say(f"{len(unpainted)} image{'s' * (len(unpainted) > 1)} without annotation left out.")
    return [(pictures[stem], path) for stem, path in painted.items()]


def _more(files: Sequence[Path]) -> str:
    return f" (nor of {len(files) - 1} more)" if len(files) > 1 else ""


def check_pair(
    image: tuple[Path, NDArray[Any]],
    paint: tuple[Path, NDArray[Any]],
    view: Callable[[NDArray[Any]], NDArray[Any]],
    *,
    axes: int,
) -> None:
    """Refuse an image that cannot be used, or paint of another size; the file is named.

    Parameters
    ----------
    image, paint : path and (…, Y, X) array; colours of an image come last
    view : what puts the channels of an image first
    axes : spatial axes, 2 or 3

    Raises
    ------
    FileError
    """
    path, pixels = image
    try:
        Picture.of(view(pixels))
    except ImageError as error:
        raise FileError(f"{path}: {error}") from error
    try:
        check_shapes(paint[1].shape, pixels.shape[:axes])
    except AnnotationError as error:
        raise FileError(f"{paint[0]}: {error}") from error
