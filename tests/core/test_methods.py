from __future__ import annotations

from napari_unet.core.header import FORMAT, Header, Shape
from napari_unet.core.methods import paragraph
from napari_unet.core.provenance import Image, Provenance
from napari_unet.core.settings import Settings, changed

SHAPE = Shape(1, 2, 24, 4, 2, norm=True, shrink=2)


def header(**more):
    given = {"classes": ("background", "cell"), **more}
    return Header(FORMAT, "napari-unet-live 1.2.3", SHAPE, **given)


def test_it_says_what_was_done():
    image = Image("a.tif", (1, 512, 512), "uint8", painted=(300, 200), count=7)
    made = {"steps": 40, "planes": 1, "painted pixels": 500, "precision": "float32"}
    text = paragraph(
        header(
            made=made,
            settings=changed(Settings(), "training", patch=100),
            material=Provenance({"torch": "2.13.0"}, "Python 3.12", (image,), 0.953),
        )
    )
    for words in (
        "background and cell", "napari-unet-live 1.2.3", "PyTorch 2.13.0", "1/2 of the images'",
        "pre-trained", "40 steps of 2 patches", "100 × 100", "seed 0",
        "7 strokes (500 pixels)", "1 image plane.", "95.3%",
        "patch 100", "float32", "10.1007/978-3-319-24574-4_28",
    ):  # fmt: skip
        assert words in text, words


def test_it_says_over_what_the_mean_is_taken():
    assert "four mirror images" in paragraph(header())
    paper = Header(FORMAT, "napari-unet-live 1.2.3", Shape(1, 2, 64, 4, 2, norm=False))
    assert "seven orientations" in paragraph(paper)


def test_the_paper_s_training_is_told_as_it_was():
    chosen = changed(Settings(), "network", preset="paper")
    image = Image("a.tif", (1, 9, 9), "uint8", painted=(3, 2), count=2)
    material = Provenance({}, "Python 3.12", (image,), 0.9)
    text = paragraph(header(made={"steps": 40}, settings=chosen, material=material))
    assert "40 steps of 1 patch " in text
    assert "388 × 388" in text


def test_an_old_model_has_one_too():
    text = paragraph(header(made={"date": "2026-01-01"}, pretrained=False))
    assert "random weights" in text
    assert "strokes" not in text


def test_every_reference_is_cited():
    image = Image("a.tif", (1, 9, 9), "uint8", painted=(3, 2), count=2)
    for libraries in ({"torch": "2.13.0"}, {"torch": "2.13.0", "napari": "0.9.2"}):
        text, _, cited = paragraph(
            header(material=Provenance(libraries, "Python 3.12", (image,), 0.9))
        ).partition("\n\n")
        for number in range(1, cited.count("\n") + 2):
            assert f"[{number}]" in text
