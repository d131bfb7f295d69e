"""Machines that were computed on, remembered in the program's data folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from napari_unet.core.project import disk, shelf
from napari_unet.engine.host import Host, HostError, host_of

_MANY = 8


def known() -> list[Host]:
    """The machines that were computed on, the last one first."""
    try:
        hosts = msgspec.json.decode(_list().read_bytes(), type=list[Host])
        return [host_of(host.address, host.python) for host in hosts[:_MANY]]
    except (OSError, msgspec.MsgspecError, UnicodeError, HostError):
        return []


def remember(host: Host) -> None:
    """Put a machine first on the list.

    Raises
    ------
    OSError
    """
    others = [one for one in known() if one.address != host.address]
    disk.write(_list(), msgspec.json.encode([host, *others][:_MANY]))


def _list() -> Path:
    return shelf.data_folder() / "hosts.json"
