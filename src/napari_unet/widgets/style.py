"""How the panel differs from napari's own style, in the colours of its theme."""

from __future__ import annotations

from qtpy.QtGui import QColor
from qtpy.QtWidgets import QLabel, QWidget

from napari_unet.widgets.watch import ViewerWatch

_FAINT = 0.75  # of the text's colour in what matters less; still easy to read in both themes
_NEXT, _LESS = "next", "less"  # properties of widgets


def stylesheet(watch: ViewerWatch) -> str:
    """Faint text, the next step's button in colour, frames around what has the keys or is ticked.

    napari styles no tick boxes of lists, and Qt draws them almost in the colour of its dark ground.
    """
    text, current = watch.theme_colour("text"), watch.theme_colour("current")
    frame = "border: 1px solid"
    tick = f'background: {current}; image: url("theme_{watch.theme}:/check.svg");'
    return f"""
        QLabel[{_LESS}="true"] {{ color: {faint(watch)}; }}
        QPushButton, QComboBox {{ {frame} transparent; }}
        QPushButton:disabled {{ {frame} {watch.theme_colour("primary")}; }}
        QCollapsible QPushButton:checked {{ background: {watch.theme_colour("primary")}; }}
        QPushButton:focus, QComboBox:focus {{ {frame} {text}; }}
        QCheckBox:focus {{ text-decoration: underline; }}
        QTreeView::item {{ padding: 3px 2px; }}
        QTreeView::indicator {{ {frame} {text}; border-radius: 2px; width: 12px; height: 12px; }}
        QTreeView::indicator:checked {{ {tick} }}
        QPushButton[{_NEXT}="true"]:enabled {{ background: {current}; font-weight: bold; }}
    """


def faint(watch: ViewerWatch) -> str:
    """The colour of text that matters less, as #rrggbb."""
    text, ground = QColor(watch.theme_colour("text")), QColor(watch.theme_colour("background"))
    red, green, blue = (
        round(_FAINT * t + (1 - _FAINT) * g)
        for t, g in (
            (text.red(), ground.red()),
            (text.green(), ground.green()),
            (text.blue(), ground.blue()),
        )
    )
    return QColor(red, green, blue).name()


def is_dark(watch: ViewerWatch) -> bool:
    """Whether the theme's ground is dark."""
    return QColor(watch.theme_colour("background")).lightnessF() < 0.5


def warning(watch: ViewerWatch) -> str:
    """The colour of text that warns, as #rrggbb: easy to read on the theme's ground."""
    return "#e69f00" if is_dark(watch) else "#a04800"


def show_less(label: QLabel) -> None:
    """Show a text as one that matters less."""
    label.setProperty(_LESS, True)  # noqa: FBT003


def show_next(button: QWidget, *, is_next: bool) -> None:
    """Show a button as the one for the next step, or as any other."""
    if bool(button.property(_NEXT)) != is_next:
        button.setProperty(_NEXT, is_next)
        button.style().unpolish(button)  # a stylesheet is not asked again by itself
        button.style().polish(button)
