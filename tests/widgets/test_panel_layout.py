"""How the panel sits in its dock: width, theme, focus, colours."""

from __future__ import annotations

from itertools import pairwise

import hands
import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QSlider,
    QWidget,
)
from superqt import QCollapsible

from napari_unet.widgets.apply import ApplyWidget
from napari_unet.widgets.batch import BatchWidget
from napari_unet.widgets.style import faint, warning


def unfold(panel):
    for fold in panel.column.findChildren(QCollapsible):
        fold.expand(animate=False)


def contrast(one, other):
    """Of two colours, by WCAG 2."""

    def luminance(colour):
        linear = [
            v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
            for v in QColor(colour).getRgbF()[:3]
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_at_360_px_nothing_is_cut(painted, panel, viewer, theme, qtbot):
    viewer.theme = theme
    viewer.window._qt_window.resize(900, 500)
    viewer.window._qt_window.show()
    painted.train()
    qtbot.waitUntil(lambda: len(painted.lesson.report.scores) > 2, timeout=5000)
    unfold(panel)
    assert panel.minimumSizeHint().width() <= 360
    dock = panel.parentWidget()
    viewer.window._qt_window.resizeDocks([dock], [360], Qt.Orientation.Horizontal)
    qtbot.wait(400)
    column = panel.column
    assert column.verticalScrollBar().isVisible()
    assert column.horizontalScrollBar().maximum() == 0
    right = column.viewport().width()
    for widget in column.widget().findChildren(QWidget):
        if widget.isVisible() and widget.parentWidget() is not None:
            edge = widget.mapTo(column.widget(), QPoint(widget.width(), 0)).x()
            assert edge <= right, widget


def test_what_is_unfolded_is_scrolled_to(panel, viewer, qtbot):
    viewer.window._qt_window.resize(900, 500)
    viewer.window._qt_window.show()
    assert panel.settings.visibleRegion().isEmpty()
    panel.settings.expand()
    qtbot.waitUntil(lambda: not panel.settings.visibleRegion().isEmpty(), timeout=3000)
    assert panel.settings.mapTo(panel.column.viewport(), QPoint()).y() >= 0


def test_what_is_folded_away_is_not_in_the_way_of_tab(panel, viewer):
    viewer.window._qt_window.show()
    field = panel.settings.fields["training", "batch"].native
    assert not field.isVisible()
    panel.settings.expand()
    assert field.isVisible()
    assert panel.settings.content().maximumHeight() > 10_000
    panel.settings.collapse()
    assert not field.isVisible()


def test_the_guide_stays_in_view(panel, viewer, qtbot):
    viewer.window._qt_window.show()
    unfold(panel)
    qtbot.wait(50)
    panel.column.verticalScrollBar().setValue(10_000)
    assert not panel.guide.visibleRegion().isEmpty()


def test_it_follows_the_theme(panel, viewer):
    seen = []
    for theme in ("dark", "light"):
        viewer.theme = theme
        seen.append(panel.styleSheet() + panel.guide.styleSheet())
        ground = panel.studio.watch.theme_colour("background")
        assert contrast(faint(panel.studio.watch), ground) > 4.5
        assert contrast(warning(panel.studio.watch), ground) > 4.5
        for curve in (panel.scores.curve.score, panel.scores.curve.loss):
            assert contrast(curve.opts["pen"].color().name(), ground) > 3
    assert seen[0] != seen[1]


def focusable(panel, *, hidden=False):
    kinds = (QAbstractButton, QComboBox, QSlider, QLineEdit, QAbstractSpinBox, QAbstractItemView)
    return [
        w for w in panel.findChildren(QWidget)
        if isinstance(w, kinds) and w.focusPolicy() & Qt.FocusPolicy.TabFocus
        and (w.isVisible() or (hidden and w.window() is panel.window()))
        and not isinstance(w.parent(), QAbstractSpinBox)
    ]  # fmt: skip


@pytest.fixture
def dock(request, painted, panel, viewer):
    """What is in one of the docks, and the widget whose coordinates are those of its rows."""
    if request.param.startswith("panel"):
        if request.param == "panel, unfolded":
            unfold(panel)
        yield panel, panel.column.widget()
        return
    viewer.window.remove_dock_widget(panel)
    widget = {"apply": ApplyWidget, "batch": BatchWidget}[request.param](viewer)
    viewer.window.add_dock_widget(widget, name=request.param)
    if request.param == "batch":
        widget.form.more.expand(animate=False)
        widget.form.kinds["objects"].value = True
    yield widget, widget
    viewer.window.remove_dock_widget(widget)


DOCKS = pytest.mark.parametrize(
    "dock", ["panel", "panel, unfolded", "apply", "batch"], indirect=True
)


@DOCKS
def test_tab_goes_through_everything_from_top_to_bottom(dock, viewer, qtbot):
    whole, rows_of = dock
    window = viewer.window._qt_window
    window.resize(900, 500)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=5000)
    wanted = {w for w in focusable(whole) if w.isEnabled()}
    top = min(
        wanted, key=lambda w: (w.mapTo(rows_of, QPoint()).y(), w.mapTo(rows_of, QPoint()).x())
    )
    top.setFocus(Qt.FocusReason.TabFocusReason)
    seen, rows = [], []
    for _ in range(150):
        now = QApplication.focusWidget()
        if now is None or not whole.isAncestorOf(now) or now in seen:
            break
        seen.append(now)
        rows.append(now.mapTo(rows_of, QPoint()).y())
        QTest.keyClick(now, Qt.Key.Key_Tab)
    assert not wanted - set(seen)
    assert all(b >= a - 12 for a, b in pairwise(rows)), str(rows)


def test_the_arrow_keys_choose_a_class(studio, panel):
    panel.classes.table.setFocus()
    QTest.keyClick(panel.classes.table, Qt.Key.Key_Down)
    assert studio.roster.selected == 2
    assert studio.desk.active.paint.selected_label == 2


@DOCKS
def test_everything_has_a_name_and_a_tip(dock, viewer):
    whole, _ = dock
    viewer.window._qt_window.show()
    labels = {label.buddy() for label in whole.findChildren(QLabel)}
    for widget in focusable(whole, hidden=True):
        spoken = widget.text() if isinstance(widget, QAbstractButton) else ""
        assert spoken or widget.accessibleName() or widget in labels, widget
        if not isinstance(widget.parent(), QCollapsible):  # whose title says it all
            assert widget.toolTip() or widget.objectName().startswith("qt_"), (widget, spoken)


def test_each_entry_of_a_menu_has_a_tip_that_is_shown(panel):
    entries = []
    for menu in panel.findChildren(QMenu):
        if menu.actions() and menu is not panel.project.recent:
            assert menu.toolTipsVisible(), [action.text() for action in menu.actions()]
            entries += [a for a in menu.actions() if a.menu() is None and not a.isSeparator()]
    assert len(entries) >= 8
    assert all(action.toolTip() != action.text().rstrip("…") for action in entries)


def test_mnemonics_are_used_once_and_not_those_of_the_menus(panel, viewer):
    used = [
        text[text.index("&") + 1].lower()
        for b in panel.findChildren(QAbstractButton)
        if "&" in (text := b.text())
    ]
    assert len(used) >= 4
    assert len(set(used)) == len(used)
    assert not set(used) & set("fvlpwhsct") - {"t"}


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_tick_boxes_in_the_list_of_images_are_seen(painted, panel, viewer, image, qtbot, theme):
    viewer.theme = theme
    viewer.add_image(255 - image, name="inverse")
    viewer.window._qt_window.show()
    images = panel.project.images
    qtbot.waitUntil(images.isVisible, timeout=5000)
    pictures = [ticked(images, state) for state in (Qt.CheckState.Unchecked, Qt.CheckState.Checked)]
    for picture in pictures:
        ground = picture.pixelColor(0, 0)
        seen = [
            (x, y)
            for x in range(picture.width()) for y in range(picture.height())
            if contrast(picture.pixelColor(x, y), ground) > 3
        ]  # fmt: skip
        assert len({x for x, _ in seen}) >= 10
        assert len({y for _, y in seen}) >= 10
    assert pictures[0] != pictures[1]


def ticked(images, state):
    """A picture of the tick box of the first image; nothing else is in there."""
    item = images.topLevelItem(0)
    item.setCheckState(2, state)
    QApplication.processEvents()
    cell = images.visualRect(images.indexFromItem(item, 2))
    return images.viewport().grab(cell).toImage()


def test_rows_of_the_list_of_images_are_not_cramped(painted, panel, viewer, image, qtbot):
    viewer.add_image(255 - image, name="inverse")
    viewer.window._qt_window.show()
    images = panel.project.images
    qtbot.waitUntil(images.isVisible, timeout=5000)
    assert images.sizeHintForRow(0) >= images.fontMetrics().height() + 6
    assert images.viewport().height() >= 2 * images.sizeHintForRow(0)


def test_the_next_steps_button_is_in_colour(painted, panel):
    assert panel.training.train.property("next")
    painted.train()
    assert not panel.training.train.property("next")
    assert not panel.results.segment.property("next")


def test_nothing_moves_as_the_first_stroke_is_saved(studio, panel, viewer, qtbot):
    viewer.window._qt_window.resize(900, 500)
    viewer.window._qt_window.show()
    viewer.window._qt_window.resizeDocks([panel.parentWidget()], [360], Qt.Orientation.Horizontal)
    qtbot.wait(300)
    before = panel.project.height()
    assert "will be saved" in panel.project.line.text()
    hands.paint(studio, 1, np.s_[20:40, 10:60])
    qtbot.waitUntil(lambda: "are saved" in panel.project.line.text(), timeout=10000)
    qtbot.wait(100)
    assert panel.project.height() == before


def test_no_list_of_images_before_there_are_several(panel, viewer):
    viewer.window._qt_window.show()
    assert not panel.project.images.isVisible()
