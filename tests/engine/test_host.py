from __future__ import annotations

import io

import pytest

from napari_unet import __version__
from napari_unet.engine import host as module
from napari_unet.engine.host import Host, HostError, greet, host_of, meet

LAB = Host("me@lab")


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("me@lab", "me@lab"),
        ("  lab \n", "lab"),
        ("ssh me@lab", "me@lab"),
        ("ssh://me@lab:2222", "ssh://me@lab:2222"),
        ("me@fe80::1%eth0", "me@fe80::1%eth0"),
    ],
)
def test_addresses_are_taken_as_they_are_typed(typed, address):
    assert host_of(typed) == Host(address, "python3")


@pytest.mark.parametrize("typed", ["", " "])
def test_nothing_typed_is_refused(typed):
    with pytest.raises(HostError, match="user@host"):
        host_of(typed)


@pytest.mark.parametrize("typed", ["-oProxyCommand=x", "ssh -oProxyCommand=x", "lab rm", "a'b"])
def test_what_ssh_would_not_take_for_an_address_is_refused(typed):
    with pytest.raises(HostError, match="user@host"):
        host_of(typed)


def test_python_may_be_any_command_of_one_line():
    assert host_of("lab", " env A=1 ~/unet/bin/python ").python == "env A=1 ~/unet/bin/python"
    with pytest.raises(HostError, match="in one line"):
        host_of("lab", "python\nrm")


def test_ssh_is_asked_never_to_ask():
    command = Host("me@lab", "~/unet/bin/python").command
    assert command[0] == "ssh"
    assert "BatchMode=yes" in command
    assert command[-2:] == ["me@lab", "~/unet/bin/python -P -m napari_unet.engine --remote"]


def test_two_of_the_same_version_meet():
    stream = io.BytesIO()
    greet(stream)
    stream.write(b"frames")
    stream.seek(0)
    assert meet(stream, LAB)
    assert stream.read() == b"frames"


def test_what_a_shell_prints_before_is_skipped():
    stream = io.BytesIO()
    stream.write(b"Welcome!\nno newline at the end")
    greet(stream)
    stream.seek(0)
    assert meet(stream, LAB)


def test_another_version_is_refused_and_both_are_named(monkeypatch):
    stream = io.BytesIO()
    monkeypatch.setattr(module, "VERSION", "9.8.7")
    greet(stream)
    stream.seek(0)
    monkeypatch.undo()
    with pytest.raises(
        HostError, match=rf"{__version__}, but me@lab has 9\.8\.7: install the same"
    ):
        meet(stream, LAB)


@pytest.mark.parametrize("noise", [b"x" * 100_000, b"line\n" * 30_000])
def test_something_else_that_talks_on_and_on_is_refused(noise):
    with pytest.raises(HostError, match="is not napari-unet"):
        meet(io.BytesIO(noise), LAB)


def test_nobody_came():
    assert not meet(io.BytesIO(b"bash: no such thing\n"), LAB)
