"""Painting, as fast as tests like it and as slow as a hand does."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest


def paint(studio, number, window):
    """As napari's own tools do it: write, and tell (but far faster than a mouse)."""
    layer = studio.desk.active.paint
    layer.data[window] = number
    layer.events.paint(value=[])
    layer.refresh()


def stroke(viewer, layer, start, stop, steps=6):
    """Paint with real mouse events from one data position to another."""
    native = viewer.window._qt_viewer.canvas.native

    def pixel(at):
        camera = getattr(viewer, "scene", viewer).camera
        offset = np.asarray(layer.data_to_world(at))[-2:] - np.asarray(camera.center[-2:])
        y, x = offset * camera.zoom
        return QPoint(round(native.width() / 2 + x), round(native.height() / 2 + y))

    QTest.mouseMove(native, pixel(start))
    QTest.mousePress(native, Qt.MouseButton.LeftButton, pos=pixel(start))
    for t in np.linspace(0, 1, steps):
        at = np.asarray(start) * (1 - t) + np.asarray(stop) * t
        QTest.mouseMove(native, pixel(at))
        QTest.qWait(12)
    QTest.mouseRelease(native, Qt.MouseButton.LeftButton, pos=pixel(stop))
