"""Painting, as fast as tests like it and as slow as a hand does. Scripts and benchmarks use it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from qtpy.QtCore import QEventLoop, QPoint, Qt, QTimer
from qtpy.QtTest import QTest

LEFT = Qt.MouseButton.LeftButton


def rest(milliseconds):
    """Let the window work; vispy puts a loop that keeps a core busy in the place of QTest.qWait."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def halves(*shape):
    """An image, uint8: dark left, bright right, so that a threshold gets it right."""
    array = np.full(shape, 20, np.uint8)
    array[..., shape[-1] // 2 :] = 200
    return array + np.random.default_rng(0).integers(0, 20, shape, np.uint8)


def paint(studio, number, window):
    """As napari's own tools do it: write, and tell (but far faster than a mouse)."""
    layer = studio.desk.active.paint
    layer.data[window] = number
    layer.events.paint(value=[])
    layer.refresh()


def canvas(viewer):
    """The widget that is painted on."""
    return viewer.window._qt_viewer.canvas.native


def pixel(viewer, layer, at):
    """Where a data position is on the canvas."""
    native = canvas(viewer)
    camera = getattr(viewer, "scene", viewer).camera
    y, x = (np.asarray(layer.data_to_world(at))[-2:] - camera.center[-2:]) * camera.zoom
    return QPoint(round(native.width() / 2 + x), round(native.height() / 2 + y))


def stroke(viewer, layer, *points, steps=6, pause=12):
    """Paint with real mouse events through data positions; `pause` ms between two moves."""
    native = canvas(viewer)
    QTest.mouseMove(native, pixel(viewer, layer, points[0]))
    QTest.mousePress(native, LEFT, pos=pixel(viewer, layer, points[0]))
    for start, stop in pairwise(points):
        for t in np.linspace(0, 1, steps):
            at = np.asarray(start) * (1 - t) + np.asarray(stop) * t
            QTest.mouseMove(native, pixel(viewer, layer, at))
            rest(pause)
    QTest.mouseRelease(native, LEFT, pos=pixel(viewer, layer, points[-1]))
