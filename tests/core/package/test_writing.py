from __future__ import annotations

import zipfile

import numpy as np
import pytest

from napari_unet.core.image import ImageError
from napari_unet.core.package.archive import Archive
from napari_unet.core.package.errors import PackageError
from napari_unet.core.package.labelling import Label
from napari_unet.core.package.running import PackageSegmenter
from napari_unet.core.package.steps import apply


def labels(path, image, **how):
    found = np.zeros(image.shape[:2], np.uint8)
    for window, part, _ in PackageSegmenter(str(path), **how).pieces(
        image[None], probabilities=False
    ):
        found[window] = part
    return found


def test_onnx_runtime_says_what_we_say(package, small):
    same = labels(package.path, small.image) == small.labels
    assert same.mean() > (0.98 if package.tiled else 0.9999)


def test_description_tells_all_that_others_need(package):
    told = Archive(package.path).description()
    assert told["format_version"].startswith("0.5")
    assert told["cite"][0]["doi"] == "10.1007/978-3-319-24574-4_28"
    assert told["authors"] == [{"name": "Ada Lovelace"}]
    assert set(told["weights"]) == {"onnx", "torchscript"}
    (given,), (found,) = told["inputs"], told["outputs"]
    sides = {axis["id"]: axis for axis in given["axes"] if axis["type"] == "space"}
    halos = {axis["id"]: axis["halo"] for axis in found["axes"] if axis["type"] == "space"}
    assert halos == {"y": 48, "x": 48}
    assert given["pad"] == {"mode": "reflect"}  # else others put zeros around an image
    assert sides["y"]["size"]["step"] == (8 if package.tiled else 1)
    assert sides["y"]["concatenable"] is package.tiled
    steps = [step["id"] for step in given["preprocessing"] if step["id"] != "ensure_dtype"]
    assert steps == (["clip", "zero_mean_unit_variance"] if package.tiled else [])
    assert told["training_data"]["source"] == "https://doi.org/10.5281/zenodo.1"
    assert told["config"]["napari_unet"]["classes"] == ["background", "cell"]


def test_words_on_training_data_are_told_without_a_link():
    pytest.importorskip("bioimageio.spec", reason="needs the extra bioimageio")
    from napari_unet.core.package.description import _data

    told = _data(Label(authors=("A",), data="Three slides of our own"))
    assert (told.description, told.source) == ("Three slides of our own", None)
    assert _data(Label(authors=("A",))) is None


# the library leaves the file open
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_it_is_valid(package):
    from bioimageio.spec import load_model_description

    load_model_description(package.path)  # raises where it is not


def test_all_its_files_are_there(package):
    with zipfile.ZipFile(package.path) as archive:
        names = set(archive.namelist())
        readme = archive.read("README.md").decode()
    assert {"rdf.yaml", "weights.onnx", "weights.pt", "cover.png", "test_input.npy"} <= names
    assert "1. background\n2. cell" in readme
    assert "Validation" in readme


def test_what_people_write_is_checked(small, tmp_path):
    pytest.importorskip("bioimageio.spec", reason="needs the extra bioimageio")
    from napari_unet.core.package.writing import write

    path = tmp_path / "model.zip"
    for label, said in ((Label(), "author"), (Label("é", ("A",)), "title")):
        with pytest.raises(PackageError, match=said):
            write(small.model, path, label)
    with pytest.raises(ImageError, match="3 channels"):
        write(small.model, path, Label(authors=("A",)), sample=np.zeros((30, 30, 3), np.uint8))
    assert not path.exists()


def test_the_test_image_is_the_same_whenever_brightness_is_measured(package):
    """Before its extremes are cut off, as some programs do, or after, as the description says."""
    from napari_unet.core.package.writing import NORMALISED

    with zipfile.ZipFile(package.path) as archive, archive.open("test_input.npy") as file:
        plane = np.load(file)[0]
    cut = apply(NORMALISED[:1], plane)
    apart = abs(plane.mean() - cut.mean()) + abs(plane.std() - cut.std())
    assert bool(apart < 1e-3) is package.tiled
