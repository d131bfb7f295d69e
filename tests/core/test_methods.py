from __future__ import annotations

import msgspec

from napari_unet.core.header import FORMAT, Header, Shape
from napari_unet.core.lineage import descended
from napari_unet.core.methods import paragraph, references
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
    assert "none of which is part of the training of 2015 [2]" in text


def test_steps_that_nothing_was_kept_of_are_told_as_such():
    text = told(made={**MADE, "kept": "first answer"})
    assert "No weights that came from the steps were kept" in text
    assert "and a last layer fitted to the painted pixels in closed form" in text
    assert "After the steps" not in text
    given = told(made={**MADE, "kept": "first answer", "last layer": "given"})
    assert "those that training began with." in given
    assert "by the steps, as all others" not in given
    assert "were kept:" not in told()


def test_what_keeps_the_steps_steady_is_told():
    text = told()
    for words in ("over the first 20 steps", "norm over 1 were", "running mean", "(decay 0.97)"):
        assert words in text, words
    assert "of 2015 [" not in text
    assert "(decay 0.5)" in told(averaging=0.5)
    assert "running mean" not in told(made={"last layer": "fitted"})


def test_an_old_model_has_one_too():
    text = paragraph(header(made={"date": "2026-01-01"}, pretrained=False))
    assert "random weights" in text
    assert "strokes" not in text


IMAGE = Image("a.tif", (1, 9, 9), "uint8", painted=(3, 2), count=2)
MADE = {"steps": 40, "begun with": "bundled weights", "last layer": "fitted"}


def told(made=MADE, group="training", images=(IMAGE,), shape=SHAPE, **values):
    settings = changed(Settings(), group, **values) if values else Settings()
    material = Provenance({}, "Python 3.12", images, 0.9)
    return paragraph(
        Header(FORMAT, "napari-unet-live 1.2.3", shape, ("background", "cell"), settings,
               made, material=material)
    )  # fmt: skip


def test_what_decides_the_result_is_said():
    text = told()
    for words in (
        "AdamW [", "learning rate 0.001,", "began from pre-trained weights of the program",
        "the last layer was fitted to the painted pixels in closed form, by ridge regression [",
        "up to 10 more (σ = 5 px)", "Unpainted pixels of the patches were held", "(weight 1)",
        "all classes weighing alike", "deformed elastically",
    ):  # fmt: skip
        assert words in text, words


def test_what_was_not_done_is_not_said():
    for words, more in (
        ("Unpainted", {"agreement": 0.0}), ("between two objects", {"border_weight": 0.0}),
        ("weighing alike", {"borders": "2019"}),
        ("elastically", {"group": "augmentation", "elastic": 0.0}),
        ("ridge regression", {"made": {**MADE, "last layer": "given"}}),
        ("AdamW", {"group": "network", "preset": "paper"}),
        ("Unpainted", {"group": "network", "preset": "paper"}),
    ):  # fmt: skip
        assert words in told()
        assert words not in told(**more), words
    assert "momentum of 0.99, learning rate 0.002" in told(group="network", preset="paper")
    assert "weighed up to 50 more" in told(borders="2019")


def test_the_last_layer_s_own_view_is_said_where_it_has_one():
    local = Shape(1, 2, 24, 4, 2, norm=True, local=True)
    assert "sees the image itself" in told(shape=local)
    assert "sees the image itself" not in told()


def test_another_model_that_training_went_on_from_is_named():
    past = descended("cells.safetensors", "abc", {"steps": 7, "begun with": "bundled weights"})
    text = told(made={**MADE, **past.told})
    assert "went on from another model (cells.safetensors, checksum abc)" in text
    assert "steps 7" in text
    assert "Training began from" not in text


def test_images_that_are_only_judged_by_are_told_apart():
    text = told(images=(IMAGE, msgspec.structs.replace(IMAGE, aside=True)))
    assert "2 strokes (0 pixels) painted on 1 image plane" in text
    assert "Strokes on 1 more image plane were only judged by" in text


def test_the_program_itself_is_the_first_reference():
    first = references(header())[0]
    assert "napari-unet-live 1.2.3" in str(first)
    assert "napari-unet-live 1.2.3 [1]" in paragraph(header())
    assert str(first) == str(first).strip()


def test_every_reference_is_cited():
    image = Image("a.tif", (1, 9, 9), "uint8", painted=(3, 2), count=2)
    for libraries in ({"torch": "2.13.0"}, {"torch": "2.13.0", "napari": "0.9.2"}):
        text, _, cited = paragraph(
            header(material=Provenance(libraries, "Python 3.12", (image,), 0.9))
        ).partition("\n\n")
        assert len(cited.splitlines()) > 2
        for number in range(1, cited.count("\n") + 2):
            assert f"[{number}]" in text
