"""The next tile of a large image is read and standardised while one is computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.image import Picture
from napari_unet.core.tiling import Window

_Pixels = NDArray[np.float32]


@contextmanager
def reading_ahead(picture: Picture, windows: Iterable[Window]) -> Iterator[Picture]:
    """The same picture, of which one of the windows is read ahead on a thread, in their order.

    All is read on that one thread, as files need not bear two readers. What goes wrong there is
    raised where its window is asked for.
    """
    with ThreadPoolExecutor(1, "tiles") as thread:
        try:
            yield _Ahead(
                picture.raw, picture.normalisation, picture.window, _Order(windows, thread)
            )
        finally:
            thread.shutdown(cancel_futures=True)


class _Order:
    """What is still to be read."""

    def __init__(self, windows: Iterable[Window], thread: ThreadPoolExecutor) -> None:
        self.windows, self.thread = deque(windows), thread
        self.coming: tuple[Window, Future[_Pixels]] | None = None


@dataclass(frozen=True, eq=False)
class _Ahead(Picture):
    order: _Order | None = None

    def read(self, window: Window) -> _Pixels:
        """As of any picture; the window after it is read from then on."""
        order, read = self.order, super().read
        if order is None:
            return read(window)
        if order.coming is not None and order.coming[0] == window:
            found, order.coming = order.coming[1], None
        else:  # a part of a tile that did not fit into memory, or the first
            found = order.thread.submit(read, window)
        if order.windows and order.windows[0] == window:
            order.windows.popleft()
        if order.windows and order.coming is None:
            following = order.windows[0]
            order.coming = following, order.thread.submit(read, following)
        return found.result()
