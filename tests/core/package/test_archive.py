from __future__ import annotations

import zipfile

import pytest

from napari_unet.core.package import archive
from napari_unet.core.package.archive import Archive, looks_like_one, needs_trust
from napari_unet.core.package.errors import PackageError

pytest.importorskip("yaml", reason="needs the extra bioimageio")


@pytest.fixture
def made(tmp_path):
    def make(**files):
        path = tmp_path / "package.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for name, text in files.items():
                out.writestr(name.replace("__", "."), text)
        return Archive(path)

    return make


def test_only_what_is_inside_is_read(made, tmp_path):
    (tmp_path / "secret").write_text("x")
    package = made(rdf__yaml="type: model")
    for name in ("../secret", "/etc/passwd", "C:\\secret", "https://example.org/w.pt", "a/../../x"):
        with pytest.raises(PackageError, match="not in it"):
            package.weights(name)
    with pytest.raises(PackageError, match="lacks its file"):
        package.weights("weights.onnx")


def test_links_do_not_lead_out_of_a_folder(tmp_path):
    (tmp_path / "secret").write_text("x")
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "weights.onnx").symlink_to(tmp_path / "secret")
    with pytest.raises(PackageError, match="lacks"):
        Archive(folder).weights("weights.onnx")


def test_bombs_are_not_unpacked(made, monkeypatch):
    monkeypatch.setattr(archive, "_LARGEST", 1 << 20)
    with pytest.raises(PackageError, match="larger than 1 MiB"):
        made(weights__onnx=bytes(3 << 20)).weights("weights.onnx")
    with pytest.raises(PackageError, match="larger than 1 MiB"):
        made(rdf__yaml="a: " + "x" * (2 << 20)).description()
    with pytest.raises(PackageError, match="references"):
        made(rdf__yaml="a: &a [x, x]\nb: [*a, *a]").description()


@pytest.mark.parametrize("text", ["a: [", "- 1", "type: dataset", "a: !!python/object:os.system x"])
def test_bad_descriptions_are_told(made, text):
    with pytest.raises(PackageError):
        made(rdf__yaml=text).description()


def test_what_is_no_package_is_told(made, tmp_path):
    with pytest.raises(PackageError, match="not a package"):
        made(notes="hello").description()
    path = tmp_path / "text.zip"
    path.write_text("hello")
    with pytest.raises(PackageError, match="not a package"):
        Archive(path).description()
    assert looks_like_one(path)
    assert not looks_like_one(tmp_path / "model.safetensors")


def test_only_torchscript_needs_trust():
    assert not needs_trust({"weights": {"onnx": {}, "torchscript": {}}})
    assert needs_trust({"weights": {"torchscript": {}, "pytorch_state_dict": {}}})
    with pytest.raises(PackageError, match="author's Python"):
        needs_trust({"weights": {"pytorch_state_dict": {}}})
    with pytest.raises(PackageError, match="nothing"):
        needs_trust({"weights": 3})
