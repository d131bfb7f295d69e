"""An ssh server of one's own on the loopback address, with keys and configuration to throw away.

Tests and benchmarks use it. The client's configuration names the machine `lab`.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from napari_unet.engine.host import Host

SOURCE = Path(__file__).resolve().parents[1] / "src"
PRIVILEGES = Path("/run/sshd")  # must be there where the server runs as root


def found(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin")))


def missing() -> str:
    """Why there can be no server here; empty if there can."""
    if not Path("/proc/self/stat").exists():
        return "the processes of the ssh server are found in /proc, which is not here"
    lacking = [name for name in ("ssh", "sshd", "ssh-keygen") if found(name) is None]
    if lacking:
        return f"no {', '.join(lacking)} here: install openssh-server and openssh-client"
    return ""


class Sshd:
    """A server that is up once this is made.

    Attributes
    ----------
    program : the client with its configuration, for `napari_unet.engine.host.program`.
    lab : the host, with this very Python.
    """

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        for key in ("server", "user", "stranger"):
            subprocess.run(
                [found("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", folder / key],
                check=True,
            )
        public = (folder / "server.pub").read_text(encoding="utf-8")
        (folder / "known").write_text(f"[127.0.0.1]:{self.port} {public}", encoding="utf-8")
        (folder / "sshd_config").write_text(self._server(), encoding="utf-8")
        (folder / "ssh_config").write_text(self._client(), encoding="utf-8")
        self.program = (found("ssh"), "-F", str(folder / "ssh_config"))
        python = f"env PYTHONPATH={shlex.quote(str(SOURCE))} {shlex.quote(sys.executable)}"
        self.lab = Host("lab", python)
        self.start()

    def start(self):
        """Serve, on the same port as before."""
        if os.geteuid() == 0:
            PRIVILEGES.mkdir(mode=0o755, exist_ok=True)
        # it must not outlive whoever started it, however that one ends
        setpriv = [found("setpriv"), "--pdeathsig", "TERM"] if found("setpriv") else []
        command = [*setpriv, found("sshd"), "-D", "-e", "-f", self.folder / "sshd_config"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log)
        end = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert time.monotonic() < end, (self.folder / "log").read_text(encoding="utf-8")
            time.sleep(0.05)

    def stop(self):
        """Serve no more; connections that are open break."""
        sessions = self._sessions()  # orphans are not found
        self.process.kill()
        self.process.wait()
        self._signal(sessions, signal.SIGKILL)

    def cut(self):
        """Break all connections, as when the other machine is switched off."""
        self._signal(self._sessions(), signal.SIGKILL)

    def freeze(self):
        """Let all connections fall silent, as when a cable is pulled."""
        self._signal(self._sessions(), signal.SIGSTOP)

    def _signal(self, processes, number):
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def _sessions(self):
        """The server's processes for connections, but not what runs in them."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                number, rest = stat.read_text(encoding="utf-8").split(" ", 1)
                name, rest = rest.rsplit(") ", 1)
                parents[int(number)] = (int(rest.split()[1]), name.lstrip("("))
        own = {self.process.pid}
        for _ in range(4):  # a session has a few generations
            own |= {n for n, (parent, name) in parents.items() if parent in own and "sshd" in name}
        return own - {self.process.pid}

    def _server(self):
        return f"""
ListenAddress 127.0.0.1
Port {self.port}
HostKey {self.folder}/server
AuthorizedKeysFile {self.folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
"""

    def _client(self):
        return f"""
Host lab stranger locked
    HostName 127.0.0.1
    Port {self.port}
Host closed
    HostName 127.0.0.1
    Port 1
Host stranger
    UserKnownHostsFile /dev/null
Host locked
    IdentityFile {self.folder}/stranger
Host * !locked
    IdentityFile {self.folder}/user
Host *
    User {getpass.getuser()}
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {self.folder}/known
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking ask
"""
