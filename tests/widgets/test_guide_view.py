"""The guide at the top of the panel: what lies below it stays where it is."""

from __future__ import annotations

import ast
from itertools import product
from pathlib import Path

import pytest
from qtpy.QtCore import Qt

import napari_unet
from napari_unet.widgets.guidance import Learning, Situation, advice

SOURCE = Path(napari_unet.__file__).parent
SPEAKERS = ("widgets/*.py", "engine/*.py", "core/image.py", "core/suitable.py")
SAYS = {"say", "confirm", "complain", "emit", "Advised", "Refused", "Failed"}
CLASSES = ("background", "cell")


def advised():
    """All that the guide says by itself."""
    flags = ("ready", "gone", "revived", "answered", "trained", "good", "segmenting", "outlining")
    for values in product((False, True), repeat=len(flags)):
        for painted, learning, few in product((0, 1, 2), Learning, (0, 4)):
            for images, selected in ((0, "background"), (2, "background"), (2, "cell")):
                yield advice(
                    Situation(
                        images=images, image="blobs" * (images == 2 and not values[-1]),
                        classes=CLASSES, selected=selected, painted=CLASSES[:painted],
                        learning=learning, few=few, **dict(zip(flags, values, strict=True)),
                    )
                ).sentence  # fmt: skip


def said():
    """What comes without having been asked for: said to the guide, or an error that ends there."""
    for speaker in SPEAKERS:
        for path in SOURCE.glob(speaker):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                call = node.exc if isinstance(node, ast.Raise) else node
                if isinstance(call, ast.Call) and (call is not node or name(call) in SAYS):
                    yield from filter(None, map(text, call.args))


def name(call):
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def text(node):
    """A literal; what is filled in is as long as most names are."""
    match node:
        case ast.Constant(value=str(words)):
            return words
        case ast.JoinedStr():
            return "".join(text(part) or "membranes" for part in node.values)
    return ""


def widen(panel, viewer, qtbot, width):
    """Give the dock a width."""
    window = viewer.window._qt_window
    window.resize(1000, 500)
    window.show()
    window.resizeDocks([panel.parentWidget()], [width], Qt.Orientation.Horizontal)
    qtbot.wait(300)
    assert abs(panel.guide.width() - width) < 5


@pytest.mark.parametrize("width", [360, 480])
def test_all_that_the_program_says_fits_into_one_height(panel, viewer, qtbot, width):
    widen(panel, viewer, qtbot, width)
    sentence = panel.guide.sentence
    sentence.setText("Word.")
    usual, lengths = sentence.height(), set()
    for words in {*advised(), *said()}:
        sentence.setText(words)
        assert sentence.height() == usual, words
        sentence.setMinimumHeight(0)  # a label counts it in what its words need
        lengths.add(sentence.heightForWidth(sentence.width()))
    assert max(lengths) <= usual
    assert len(lengths) >= 3  # some need one line, some many


def test_nothing_below_moves_as_the_sentence_changes(studio, panel, viewer, qtbot):
    widen(panel, viewer, qtbot, 360)
    tops = set()
    for words in (1, 7, 12, 18):
        studio.lesson.say(" ".join(["sentence"] * words), urgent=True)
        qtbot.wait(50)
        tops.add(panel.column.y())
    assert len(tops) == 1


def test_a_longer_one_is_not_cut(studio, panel, viewer, qtbot):
    widen(panel, viewer, qtbot, 360)
    before, sentence = panel.guide.height(), panel.guide.sentence
    studio.lesson.say(" ".join(["sentence"] * 60), urgent=True)
    qtbot.wait(50)
    assert panel.guide.height() > before
    assert sentence.height() >= sentence.heightForWidth(sentence.width())
