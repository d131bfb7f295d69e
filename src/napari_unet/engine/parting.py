"""Why an engine on another machine is gone, in one sentence that says what to do."""

from __future__ import annotations

import re
from typing import NamedTuple

from napari_unet.engine.host import VERSION, Host
from napari_unet.engine.vigil import SILENT

_SSH_FAILED = 255


class Parting(NamedTuple):
    """How a connection ended.

    Attributes
    ----------
    sentence : for the user; empty where the engine itself died, as it does here.
    passing : it may be otherwise soon, so it is worth trying again.
    """

    sentence: str
    passing: bool


class _Sign(NamedTuple):
    """What `ssh` or Python there say, and what to tell the user."""

    pattern: str
    sentence: str
    passing: bool = False


_NEVER_MET = (
    _Sign(
        r"Could not resolve hostname",
        "{name} is not known on the network: check how it is written, and whether you need a VPN.",
        passing=True,
    ),
    _Sign(
        r"Connection refused",
        "{name} refuses ssh: is its ssh server switched on, and the port right?",
        passing=True,
    ),
    _Sign(
        r"timed out|No route to host|[Nn]etwork is (unreachable|down)|Host is down",
        "{name} does not answer: is it switched on, and do you need a VPN?",
        passing=True,
    ),
    _Sign(
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "{name} is not the machine that it was: its key changed. Ask who looks after it, then "
        "type “ssh {name}” in a terminal.",
    ),
    _Sign(
        r"Host key verification failed",
        "You have not been on {name} from here yet: type “ssh {name}” in a terminal once, and "
        "answer its question.",
    ),
    _Sign(
        r"Permission denied \(|Too many authentication failures|sign_and_send_pubkey",
        "{name} did not let you in without a password: set up a key with ssh-keygen and "
        "“ssh-copy-id {name}”; if your key has a passphrase, load it first with ssh-add.",
    ),
    _Sign(
        r"No module named '?napari_unet",
        "napari-unet is not installed for “{python}” on {name}: install version {version} there, "
        "or name the Python of the environment that has it, such as ~/unet/bin/python.",
    ),
    _Sign(
        r"Unknown option: -P",
        "“{python}” on {name} is older than Python 3.11: name a newer one, such as "
        "~/unet/bin/python.",
    ),
)
_NO_COMMAND = (
    "There is no “{python}” on {name}: name the Python of the environment that has napari-unet, "
    "such as ~/unet/bin/python."
)
_NOT_FOUND = {126, 127, 9009}  # exit codes of shells
_WINDOWS_NOT_FOUND = "is not recognized as"
_LINE_BROKE = re.compile(
    r"closed by remote host|not responding|[Bb]roken pipe|Connection reset|Connection closed"
    r"|send disconnect|mux_client"
)


def why(host: Host, code: int, said: str, *, met: bool, late: bool = False) -> Parting:
    """Tell from the exit code of `ssh`, and what was said last, how it ended.

    Parameters
    ----------
    host : Host
    code : int
        Negative where a signal killed `ssh` here.
    said : str
        The error output of `ssh`, and of what ran on the other side.
    met : bool
        Whether the engine there had greeted.
    late : bool
        Whether it was given up, as it had not greeted for long.
    """
    if met:
        return _after_meeting(host, code, said)
    words = {"name": host.address, "python": host.python, "version": VERSION}
    if late:
        return Parting(
            f"{host.address} was reached, but no engine started there in time: check the Python "
            f"there (“{host.python}”).",
            passing=True,
        )
    for sign in _NEVER_MET:
        if re.search(sign.pattern, said):
            return Parting(sign.sentence.format(**words), sign.passing)
    if code in _NOT_FOUND or _WINDOWS_NOT_FOUND in said:
        return Parting(_NO_COMMAND.format(**words), passing=False)
    lines = said.strip().splitlines()
    told = f": {lines[-1].strip()}" if lines else ", and it did not say why."
    broke = code < 0 or bool(_LINE_BROKE.search(said))
    return Parting(f"No engine could be started on {host.address}{told}", passing=broke)


def _after_meeting(host: Host, code: int, said: str) -> Parting:
    # 255 without a word of `ssh`: a signal ended the process there
    lost = code < 0 or code == SILENT or (code == _SSH_FAILED and _LINE_BROKE.search(said))
    sentence = f"The connection to {host.address} was lost." if lost else ""
    return Parting(sentence, passing=bool(lost))
