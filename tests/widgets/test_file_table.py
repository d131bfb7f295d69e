from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_unet.engine.messages import FileAdvanced, FileSegmented
from napari_unet.widgets.file_table import FileTable


def test_a_folder_of_many_thousands_stays_quick(qtbot):
    table = FileTable()
    qtbot.addWidget(table)
    table.fill([f"/images/{n}.tif" for n in range(100_000)])
    for n in range(2000):
        table.advance(FileAdvanced(f"/images/{50 * n}.tif", 0.5))
    assert table.texts()[50][:2] == ["50.tif", "50%"]


def test_states(qtbot):
    table = FileTable()
    qtbot.addWidget(table)
    table.fill(["/a.tif", "/b.tif", "/c.tif", "/d.tif"])
    assert table.isColumnHidden(4)
    table.finish(FileSegmented("/b.tif", "/o/b.tif", 1, 4, 2.0, objects=12))
    table.finish(FileSegmented("/c.tif", "/o/c.tif", 2, 4, 0.0, skipped=True, objects=3))
    assert table.isColumnHidden(4)
    table.finish(FileSegmented("/d.tif", "/o/d.tif", 3, 4, 0.0, "It is empty."))
    assert not table.isColumnHidden(4)
    assert table.texts() == [
        ["a.tif", "waits", "", "", ""],
        ["b.tif", "✓ done", "2.0 s", "12", ""],
        ["c.tif", "– done before", "", "3", ""],
        ["d.tif", "✗ failed", "", "", "It is empty."],
    ]
    tip = table.model().data(table.model().index(3, 0), Qt.ItemDataRole.ToolTipRole)
    assert tip == "It is empty."


def test_files_are_opened_and_read_of_with_the_keyboard(qtbot):
    table = FileTable()
    qtbot.addWidget(table)
    table.fill(["/a.tif", "/b.tif", "/c.tif"])
    table.finish(done := FileSegmented("/b.tif", "/o/b.tif", 1, 3, 2.0))
    table.finish(FileSegmented("/c.tif", "/o/c.tif", 2, 3, 0.0, "It is empty."))
    opened, said = [], []
    table.opened.connect(opened.append)
    table.complained.connect(said.append)
    table.show()
    table.setCurrentIndex(table.model().index(0, 0))
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Down):
        QTest.keyClick(table, key)
    assert opened == [done]
    assert said == ["It is empty."]
    table.fill([])
    assert "Enter" in table.toolTip()


def test_a_double_click_opens_once(qtbot):
    table = FileTable()
    qtbot.addWidget(table)
    table.fill(["/b.tif"])
    table.finish(done := FileSegmented("/b.tif", "/o/b.tif", 1, 1, 2.0))
    opened = []
    table.opened.connect(opened.append)
    table.show()
    at = table.visualRect(table.model().index(0, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert opened == [done]


def test_only_what_is_done_opens(qtbot):
    table = FileTable()
    qtbot.addWidget(table)
    table.fill(["/a.tif", "/b.tif"])
    table.finish(done := FileSegmented("/b.tif", "/o/b.tif", 1, 2, 2.0))
    table.finish(FileSegmented("/c.tif", "/o/c.tif", 2, 3, 0.0, "It is empty."))
    opened, said = [], []
    table.opened.connect(opened.append)
    table.complained.connect(said.append)
    for row in range(3):
        table.activated.emit(table.model().index(row, 0))
        table.clicked.emit(table.model().index(row, 0))
    assert opened == [done]
    assert said == ["It is empty."]
