"""What the user must hear about now, as napari's notifications."""

from __future__ import annotations

from napari.utils.notifications import ErrorNotification, notification_manager, show_warning


class EngineError(RuntimeError):
    """The engine stumbled or died; its traceback is in the notes."""


def warn(sentence: str) -> None:
    """Show a sentence that the user should act on."""
    show_warning(sentence)


def report(sentence: str, traceback: str) -> None:
    """Show an error with the engine's traceback behind napari's *View Traceback* button."""
    try:
        error = EngineError(sentence)
        error.add_note(traceback or "The engine said nothing more.")
        raise error
    except EngineError as raised:
        notification_manager.dispatch(ErrorNotification(raised))
