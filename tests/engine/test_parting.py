"""What `ssh`, shells and Python say when it goes wrong, word for word, and what the user hears."""

from __future__ import annotations

import pytest

from napari_unet import __version__
from napari_unet.engine.host import Host
from napari_unet.engine.parting import why
from napari_unet.engine.vigil import SILENT

LAB = Host("me@lab")
RESOLVE = "ssh: Could not resolve hostname lab: Name or service not known\r\n"
REFUSED = "ssh: connect to host 10.0.0.7 port 22: Connection refused\r\n"
TIMED_OUT = "ssh: connect to host 10.0.0.7 port 22: Connection timed out\r\n"
NO_ROUTE = "ssh: connect to host 10.0.0.7 port 22: No route to host\r\n"
UNKNOWN = (
    "No ED25519 host key is known for lab and you have requested strict checking.\r\n"
    "Host key verification failed.\r\n"
)
CHANGED = (
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\nIT IS POSSIBLE …\r\n"
    "Host key verification failed.\r\n"
)
DENIED = "me@lab: Permission denied (publickey,password).\r\n"
NO_PACKAGE = (
    "/usr/bin/python3: Error while finding module specification for 'napari_unet.engine' "
    "(ModuleNotFoundError: No module named 'napari_unet')\n"
)
OLD = "Unknown option: -P\nusage: python3 [option] ... [-c cmd | -m mod | file | -] [arg] ...\n"
NO_PYTHON = "bash: line 1: python3: command not found\n"
WINDOWS = "'python3' is not recognized as an internal or external command,\r\n"


@pytest.mark.parametrize(
    ("code", "said", "words", "passing"),
    [
        (255, RESOLVE, "not known on the network", True),
        (255, REFUSED, "refuses ssh", True),
        (255, TIMED_OUT, "does not answer", True),
        (255, NO_ROUTE, "does not answer", True),
        (255, UNKNOWN, "type “ssh me@lab” in a terminal once", False),
        (255, CHANGED, "its key changed", False),
        (255, DENIED, "ssh-copy-id me@lab", False),
        (1, NO_PACKAGE, f"install version {__version__} there", False),
        (2, OLD, "older than Python 3.11", False),
        (127, NO_PYTHON, "There is no “python3” on me@lab", False),
        (126, "bash: line 1: /opt: Is a directory\n", "There is no “python3”", False),
        (1, WINDOWS, "There is no “python3” on me@lab", False),
        (1, "This account is not available.\n", "me@lab: This account is not available.", False),
        (255, "kex_exchange_identification: Connection closed by remote host\n", "closed by", True),
        (0, "", "did not say why", False),
    ],
)
def test_who_was_never_met(code, said, words, passing):
    parting = why(LAB, code, said, met=False)
    assert words in parting.sentence
    assert "me@lab" in parting.sentence
    assert parting.passing is passing


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (255, "Connection to 10.0.0.7 closed by remote host.\r\n"),
        (255, "a warning of torch\nTimeout, server 10.0.0.7 not responding.\r\n"),
        (255, "client_loop: send disconnect: Broken pipe\r\n"),
        (255, "Connection reset by 10.0.0.7 port 22\r\n"),
        (-9, ""),
        (SILENT, "nobody was heard of for long\n"),
    ],
)
def test_a_line_that_broke_may_come_back(code, said):
    assert why(LAB, code, said, met=True) == ("The connection to me@lab was lost.", True)


@pytest.mark.parametrize(
    ("code", "said"),
    [(1, "Traceback (most recent call last):\nMemoryError\n"), (255, ""), (3, "")],
    ids=["raised", "killed there", "ended"],
)
def test_an_engine_that_died_there_is_treated_as_one_that_died_here(code, said):
    assert why(LAB, code, said, met=True) == ("", False)


def test_one_that_never_greeted():
    parting = why(LAB, -9, "", met=False, late=True)
    assert "no engine started there in time" in parting.sentence
