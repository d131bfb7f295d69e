"""Another machine to compute on, reached through the system's `ssh`.

The engine's process runs there and talks over its stdin and stdout, as it does here: no port is
opened and no server is needed. `ssh` never asks for anything, as nobody would see it ask; the
user's own `~/.ssh/config`, keys and agent are used as they are.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import BinaryIO

from msgspec import Struct

VERSION = version("napari-unet-live")
PYTHON = "python3"  # in an environment that nobody named
REMOTE = "--remote"  # tells the engine that its parent is elsewhere

# The command and options before it; tests put their own configuration here.
program: tuple[str, ...] = ("ssh",)
_OPTIONS = (
    "BatchMode=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=5",  # a dead line is noticed …
    "ServerAliveCountMax=4",  # … after 20 s
    "RequestTTY=no",
    "RemoteCommand=none",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "Compression=no",  # the codec does it, faster
    "LogLevel=INFO",  # `parting` reads what it says
)
_ADDRESS = re.compile(r"[^\s\-'\"][^\s'\"]*")  # what begins with - would be an option
_GREETING = b"napari-unet engine "
_NOISE = 1 << 16  # bytes that start-up files there may print before the engine greets


class HostError(ValueError):
    """Not an address, or not the other half of this program; the message says what to do."""


class Host(Struct, frozen=True):
    """A machine, and how Python is called there in an environment that has napari-unet.

    `address` is what `ssh` takes: host, user@host, ssh://user@host:port or a name from its
    configuration. `python` is for the shell there, so it may be any command.
    """

    address: str
    python: str = PYTHON

    @property
    def command(self) -> list[str]:
        """How to start the engine there."""
        options = [part for option in _OPTIONS for part in ("-o", option)]
        # -P: files that happen to lie in the home folder must not be imported
        there = f"{self.python} -P -m napari_unet.engine {REMOTE}"
        return [*program, *options, self.address, there]


def host_of(address: str, python: str = "") -> Host:
    """A host as somebody types it, with or without `ssh` before it.

    Raises
    ------
    HostError
    """
    address, python = address.strip().removeprefix("ssh ").strip(), python.strip() or PYTHON
    if not _ADDRESS.fullmatch(address):
        raise HostError("Write the other machine as user@host, as you would after ssh.")
    if not python.isprintable():
        raise HostError("Write the command of the other machine's Python in one line.")
    return Host(address, python)


def greet(stream: BinaryIO) -> None:
    """Say who this is, before the first message and on a line of its own."""
    stream.write(b"\n" + _GREETING + VERSION.encode() + b"\n")
    stream.flush()


def meet(stream: BinaryIO, host: Host) -> bool:
    """Wait for the greeting from the other side; False at the end of the stream.

    Raises
    ------
    HostError
        If something else answers, or another version.
    """
    read = 0
    while line := stream.readline(_NOISE):
        if line.startswith(_GREETING):
            _check_version(line.removeprefix(_GREETING).strip().decode(errors="replace"), host)
            return True
        read += len(line)
        if read > _NOISE:
            raise HostError(
                f"What answers on {host.address} is not napari-unet: check the Python there "
                f"(“{host.python}”), and that nothing is printed when a shell starts."
            )
    return False


def _check_version(there: str, host: Host) -> None:
    if there != VERSION:
        raise HostError(
            f"Here is napari-unet {VERSION}, but {host.address} has {there}: install the same "
            "version on both."
        )
