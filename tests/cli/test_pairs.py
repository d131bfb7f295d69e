from __future__ import annotations

import pytest

from napari_unet.cli.output import Refusal
from napari_unet.cli.pairs import pair


@pytest.fixture
def folders(tmp_path):
    images, paint = tmp_path / "images", tmp_path / "paint"
    for folder, names in ((images, ("a.tif", "b.png", "c.npy")), (paint, ("b.tif", "a.tif"))):
        folder.mkdir()
        for name in names:
            (folder / name).write_bytes(b"x")
    return images, paint


def names(pairs):
    return [(image.name, paint.name) for image, paint in pairs]


def test_folders_are_matched_by_stem_and_what_nobody_painted_is_left_out(folders, capsys):
    images, paint = folders
    assert names(pair([images], [paint])) == [("a.tif", "a.tif"), ("b.png", "b.tif")]
    assert "1 image without annotation left out" in capsys.readouterr().err


def test_a_file_may_be_named_twice_but_not_for_both(folders):
    images, paint = folders
    twice = [images / "a.tif", images / "a.tif"]
    assert names(pair(twice, [paint / "a.tif"])) == [("a.tif", "a.tif")]
    assert names(pair([images, images / "a.tif"], [paint / "a.tif"])) == [("a.tif", "a.tif")]
    with pytest.raises(Refusal, match=r"a\.tif is given both as image and as annotation"):
        pair([images], [images])


def test_files_are_matched_by_stem_in_any_order(folders):
    images, paint = folders
    pairs = pair([images / "b.png", images / "a.tif"], [paint / "a.tif", paint / "b.tif"])
    assert names(pairs) == [("a.tif", "a.tif"), ("b.png", "b.tif")]


def test_an_annotation_without_image_is_refused(folders):
    images, paint = folders
    with pytest.raises(Refusal, match=r"No image has the name of the annotation b\.tif: give both"):
        pair([images / "a.tif"], [paint])


def test_a_named_image_without_annotation_is_refused(folders):
    images, paint = folders
    with pytest.raises(Refusal, match=r"No annotation has the name of the image c\.npy"):
        pair([images / "a.tif", images / "b.png", images / "c.npy"], [paint])


def test_two_images_of_one_stem_are_refused(folders):
    images, paint = folders
    (images / "a.png").write_bytes(b"x")
    with pytest.raises(Refusal, match="have the same name up to the ending"):
        pair([images], [paint])
