"""Segmenting planes with a package of bioimage.io, tile by tile."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.image import ImageError, read_mirrored
from napari_unet.core.package import steps
from napari_unet.core.package.archive import Archive
from napari_unet.core.package.errors import PackageError
from napari_unet.core.package.extra import need
from napari_unet.core.tiling import Tile, Window

if TYPE_CHECKING:
    from napari_unet.core.package.plan import Plan

Forward = Callable[[NDArray[Any]], NDArray[Any]]
_BACKGROUND = "background"


@dataclass(frozen=True)
class PackageSegmenter:
    """A package that segments.

    Attributes
    ----------
    path : of the package.
    trusted : the user agreed to run what its author programmed.
    """

    path: str
    trusted: bool = False

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes 1…K.

        Raises
        ------
        PackageError
            If the package cannot be used.
        """
        named = self._plan.classes
        return named if self._exclusive else (_BACKGROUND, *named)

    @cached_property
    def identity(self) -> bytes:
        """Changes when the results do."""
        return hashlib.sha256(self._weights).digest()

    def pieces(
        self, plane: NDArray[Any], *, probabilities: bool
    ) -> Iterator[tuple[Window, NDArray[np.uint8], NDArray[np.float32] | None]]:
        """Segment a plane (C, Y, X), tile by tile.

        Raises
        ------
        ImageError
            If the plane has other channels than the model wants.
        PackageError
            If the model cannot be run.
        """
        wanted = self._plan.channels
        if len(plane) != wanted:
            raise ImageError(
                f"This model wants images of {wanted} channel{'s' * (wanted != 1)}, this image has "
                f"{len(plane)}: choose the channels that it wants."
            )
        prepared = steps.apply(self._plan.before, np.asarray(plane)).astype(self._plan.dtype)
        for tile in self._plan.tiles(plane.shape[1:]):
            found = self._shares(read_mirrored(prepared, tile.read), tile)
            classes = (found.argmax(0) + 1).astype(np.uint8)
            yield tile.write, classes, found if probabilities else None

    def _shares(self, pixels: NDArray[Any], tile: Tile) -> NDArray[np.float32]:
        """Probabilities (K, h, w) of a tile."""
        found = self._run(pixels)
        (top, left) = (side.halo for side in self._plan.sides)
        height, width = (w.stop - w.start for w in tile.write)
        found = found[:, top : top + height, left : left + width]
        if self._exclusive:
            return found
        rest = np.clip(1 - found.max(0, keepdims=True), 0, 1)
        return np.concatenate([rest, found])

    @cached_property
    def _exclusive(self) -> bool:
        """Whether the channels are all classes there are; else what is in none is background."""
        if len(self._plan.classes) == 1:
            return False
        sides = [side.size(1) for side in self._plan.sides]
        noise = np.random.default_rng(0).random((self._plan.channels, *sides))
        total = self._run(noise.astype(self._plan.dtype)).sum(0)
        return bool(np.allclose(total, 1, atol=0.01))

    def _run(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """The network, and what follows it: (C, Y, X) to (K, Y, X)."""
        named = "cyx"
        order = self._plan.axes_in
        given = pixels if "c" in order else pixels[0]
        named = named if "c" in order else "yx"
        given = given.transpose([named.index(a) for a in order if a != "b"])
        if "b" in order:
            given = np.expand_dims(given, order.index("b"))
        try:
            found = self._forward(np.ascontiguousarray(given))
        except PackageError:
            raise
        except Exception as error:  # whatever a stranger's network raises
            raise PackageError(f"The package's network cannot be run: {error}") from error
        order = self._plan.axes_out
        if "b" in order:
            found, order = found.take(0, order.index("b")), order.replace("b", "")
        if "c" not in order:
            found, order = found[None], "c" + order
        found = found.transpose([order.index(a) for a in "cyx"])
        return steps.apply(self._plan.after, found).astype(np.float32)

    @cached_property
    def _plan(self) -> Plan:
        need("bioimageio.spec")
        from napari_unet.core.package.plan import plan  # takes its time

        found = plan(Archive(Path(self.path)))
        if found.weights == "torchscript" and not self.trusted:
            raise PackageError(
                "This package's network is a TorchScript program, which can do anything that you "
                "can. If you trust who made it, allow it (--trust on the command line)."
            )
        return found

    @cached_property
    def _weights(self) -> bytes:
        return Archive(Path(self.path)).weights(self._plan.source)

    @cached_property
    def _forward(self) -> Forward:
        return _onnx(self._weights) if self._plan.weights == "onnx" else _script(self._weights)


def _onnx(data: bytes) -> Forward:
    need("onnxruntime")
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def forward(pixels: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = session.run(None, {name: pixels})[0]
        return found

    return forward


def _script(data: bytes) -> Forward:
    import torch

    load: Any = torch.jit.load
    program = load(io.BytesIO(data), map_location="cpu").eval()

    def forward(pixels: NDArray[Any]) -> NDArray[Any]:
        with torch.inference_mode():
            found: NDArray[Any] = program(torch.from_numpy(pixels)).numpy()
        return found

    return forward
