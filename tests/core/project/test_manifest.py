from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from napari_unet.core.project import manifest_file
from napari_unet.core.project.errors import DamagedError, ProjectError
from napari_unet.core.project.manifest import File, ImageEntry, Manifest, Place, Source
from napari_unet.core.settings import Settings, changed

SOURCE = Source("cells", (20, 30), "uint8", file=File("/data/cells.tif", 12, "ab"))


def raw(**values):
    return msgspec.json.encode({**msgspec.to_builtins(Manifest()), **values})


def test_it_comes_back():
    settings = changed(Settings(), "training", batch=7)
    content = Manifest(images=(ImageEntry(1, (SOURCE,)),), settings=settings)
    assert manifest_file.decode(manifest_file.encode(content)) == (content, ())


def test_a_newer_format_says_which_version_is_needed():
    data = raw(format=99, program="napari-unet-live 7.1", classes="something new")
    with pytest.raises(ProjectError, match=r"napari-unet-live 7\.1.*Update"):
        manifest_file.decode(data)


def test_unknown_settings_do_not_cost_the_strokes():
    content, told = manifest_file.decode(raw(settings={"training": {"batch": -3}}))
    assert content.settings == Settings()
    assert "settings" in told[0]


def test_unknown_fields_are_left_out():
    assert manifest_file.decode(raw(weather="fine"))[0] == Manifest()


def test_a_changed_letter_is_found():
    data = manifest_file.encode(Manifest(images=(ImageEntry(1, (SOURCE,)),)))
    with pytest.raises(DamagedError, match="checksum"):
        manifest_file.decode(data.replace(b"cells.tif", b"calls.tif"))


def test_layout_may_change():
    data = manifest_file.encode(Manifest(images=(ImageEntry(1, (SOURCE,)),)))
    assert manifest_file.decode(msgspec.json.format(data, indent=4))[0].images


@pytest.mark.parametrize(
    "name", ["../1.npy", "images/../../1.npy", "/etc/1.npy", "images/1.pkl", "images\\1.npy", ""]
)
def test_names_that_lead_out_of_the_project_are_refused(name):
    plain = msgspec.to_builtins(ImageEntry(1, (replace(SOURCE, copy=File("images/1.npy")),)))
    plain["layers"][0]["copy"]["path"] = name
    with pytest.raises(DamagedError):
        manifest_file.decode(raw(images=[plain]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"images": [{"number": -1, "layers": []}]},
        {"classes": [{"name": "", "colour": "#000000"}]},
        {"classes": [{"name": "cell", "colour": "javascript:"}]},
        {"images": "many"},
        {"format": "1"},
        {"progress": {"step": -3}},
    ],
)
def test_wrong_values_are_refused(wrong):
    with pytest.raises(DamagedError):
        manifest_file.decode(raw(**wrong))


def test_two_images_of_one_number_are_refused():
    with pytest.raises(DamagedError, match="same number"):
        manifest_file.decode(manifest_file.encode(Manifest(images=(ImageEntry(1, (SOURCE,)),) * 2)))


def test_a_name_that_is_no_text_is_refused_as_any_other_damage():
    with pytest.raises(DamagedError, match="caf"):
        manifest_file.encode(Manifest(folder="caf\udce9"))


def test_deep_nesting_is_refused():
    with pytest.raises(DamagedError):
        manifest_file.decode(b"[" * 100_000)
    with pytest.raises(DamagedError):
        manifest_file.decode(b'{"format":1,"x":' * 5000)


def test_an_image_must_lie_somewhere():
    source = replace(SOURCE, place=Place(scale=(float("inf"), 1.0)))
    with pytest.raises(DamagedError):
        manifest_file.decode(manifest_file.encode(Manifest(images=(ImageEntry(1, (source,)),))))
