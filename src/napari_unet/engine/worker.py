"""The child process: drives a session, reads commands from stdin, writes events to stdout.

Run as `python -m napari_unet.engine`. It has low priority, so the window stays fluid, and it
ends by itself when its stdin closes, however the parent died. With `--remote` its parent is on
another machine: it greets first, sends arrays packed, and ends when the parent falls silent.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from functools import partial
from typing import BinaryIO

from napari_unet.engine import codec
from napari_unet.engine.host import greet
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.messages import Event, Failed, Idle, Pixels
from napari_unet.engine.supply import Supply
from napari_unet.engine.vigil import watched

_GRACE = 1.5  # seconds for the current step to end once the parent is gone


def main(*, remote: bool = False) -> None:
    """Serve one parent until it closes the stream."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is meant for the parent
    source, sink = _private_streams()
    logging.basicConfig(format="%(name)s: %(message)s")  # to where last words are looked for
    logging.getLogger("napari_unet").setLevel(logging.INFO)
    if remote:
        greet(sink)
        source = watched(source)
    tell = partial(_tell, sink, packed=remote)
    inbox, supply = Inbox(), Supply(tell)
    threading.Thread(target=_listen, args=(source, inbox, supply), daemon=True).start()
    _step_back()
    from napari_unet.engine.session import Session  # torch takes seconds

    session = Session(supply=supply)
    while not inbox.closed:
        try:
            for event in session.run(inbox):
                if isinstance(event, Idle):
                    inbox.wait()
                else:
                    tell(event)
        except Exception as error:  # noqa: BLE001 - whatever it is, the user must hear of it
            session.pause()
            sentence = f"The engine stumbled: {error}. Your strokes are safe; press Train again."
            tell(Failed(sentence, traceback.format_exc()))


def _tell(sink: BinaryIO, event: Event, *, packed: bool) -> None:
    """Send an event; end the process where the parent closed its end."""
    try:
        codec.write(sink, event, packed=packed)
    except OSError:
        raise SystemExit from None


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take stdin and stdout for messages; what libraries print goes to stderr instead."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return source, sink


def _listen(source: BinaryIO, inbox: Inbox, supply: Supply) -> None:
    """Post what the parent says. At the end of the stream, make sure that this process ends."""
    try:
        while (command := codec.read_command(source)) is not None:
            if isinstance(command, Pixels):
                supply.deliver(command)
            else:
                inbox.post(command)
    except codec.BrokenStreamError as error:
        sys.stderr.write(f"{error}\n")
    inbox.close()
    supply.close()
    timer = threading.Timer(_GRACE, os._exit, args=(0,))
    timer.daemon = True
    timer.start()


def _step_back() -> None:
    """Lower this process's priority, so that the window comes first."""
    if hasattr(os, "nice"):
        os.nice(10)
