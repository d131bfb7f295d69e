from __future__ import annotations

from napari_unet.engine.host import Host
from napari_unet.widgets import hosts


def test_the_last_one_comes_first_and_each_once(data_folder):
    assert hosts.known() == []
    for name in ("a", "b"):
        hosts.remember(Host(name))
    hosts.remember(Host("a", "~/unet/bin/python"))
    assert hosts.known() == [Host("a", "~/unet/bin/python"), Host("b")]


def test_only_so_many_are_remembered():
    for n in range(20):
        hosts.remember(Host(str(n)))
    assert [host.address for host in hosts.known()] == [str(n) for n in range(19, 11, -1)]


def test_a_broken_list_is_forgotten(data_folder):
    data_folder.mkdir(parents=True, exist_ok=True)
    for text in ("{", '["a"]', '[{"address": "-oProxyCommand=x"}]'):
        (data_folder / "hosts.json").write_text(text, encoding="utf-8")
        assert hosts.known() == []
