"""What the user must hear about now, as napari's notifications."""

from __future__ import annotations

from napari.utils.notifications import (
    ErrorNotification,
    Notification,
    NotificationSeverity,
    notification_manager,
)


class EngineError(RuntimeError):
    """The engine stumbled or died; its traceback is in the notes."""


class _Ours:
    """Says who speaks; by itself napari shows its own manager, as Python prints it."""

    source = "napari-unet"


class _Notice(_Ours, Notification):  # type: ignore[misc]  # no types
    pass


class _ErrorNotice(_Ours, ErrorNotification):  # type: ignore[misc]
    pass


def warn(sentence: str) -> None:
    """Show a sentence that the user should act on."""
    notification_manager.dispatch(_Notice(sentence, NotificationSeverity.WARNING))


def report(sentence: str, traceback: str) -> None:
    """Show an error with the engine's traceback behind napari's *View Traceback* button."""
    try:
        error = EngineError(sentence)
        error.add_note(traceback or "The engine said nothing more.")
        raise error
    except EngineError as raised:
        notification_manager.dispatch(_ErrorNotice(raised))
