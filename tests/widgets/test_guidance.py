from __future__ import annotations

import pytest

from napari_unet.widgets.guidance import Learning, Situation, Step, advice

CLASSES = ("background", "cell")
CHOSEN = {"images": 1, "image": "blobs", "classes": CLASSES, "selected": "background"}
PAINTED = {**CHOSEN, "painted": CLASSES}
ANSWERED = {**PAINTED, "ready": True, "answered": True}


@pytest.mark.parametrize(
    ("situation", "title", "says"),
    [
        (Situation(), "1 · Open an image", "Open Sample"),
        (Situation(images=2), "1 · Choose the image", "Choose"),
        (
            Situation(**CHOSEN),
            "2 · Paint a few strokes of each class",
            "of “background”. Then click “cell”",
        ),
        (
            Situation(**CHOSEN, painted=("background",)),
            "2 · Paint a second class",
            "Now click “cell” in the list",
        ),
        (
            Situation(**CHOSEN, painted=("cell",)),
            "2 · Paint a second class",
            "Now paint a short stroke of “background”",
        ),
        (Situation(**CHOSEN, answered=True), "2 · Look and correct", "Segment"),
        (Situation(**PAINTED), "One moment", "engine is starting"),
        (Situation(**PAINTED, revived=True), "One moment", "stopped and is started again"),
        (Situation(**PAINTED, ready=True), "One moment", "first answer"),
        (Situation(**ANSWERED), "3 · Train", "Press Train"),
        (
            Situation(**ANSWERED, learning=Learning.TRAINING),
            "4 · Keep going: correct what is wrong",
            "while you paint",
        ),
        (
            Situation(**ANSWERED, learning=Learning.RESTING),
            "4 · Correct it, or segment all",
            "rests",
        ),
        (Situation(**ANSWERED, trained=True), "Paused", "Press Train"),
        (
            Situation(**ANSWERED, trained=True, good=True, learning=Learning.TRAINING),
            "5 · Looks good: segment all",
            "“Segment this image”",
        ),
        (Situation(**ANSWERED, outlining=True), "Accept what is right", "Drag around"),
        (Situation(**ANSWERED, segmenting=True), "Segmenting", "new layer"),
        (Situation(**ANSWERED, notice="Saved."), "Next", "Saved."),
        (Situation(notice="No!", urgent=True), "Please look", "No!"),
        (Situation(**ANSWERED, refused="This has NaN."), "Please look", "This has NaN."),
        (Situation(**ANSWERED, gone=True), "The engine stopped", "strokes are safe"),
    ],
)
def test_each_situation_has_one_next_step(situation, title, says):
    found = advice(situation)
    assert found.title == title
    assert says in found.sentence


def test_a_notice_does_not_hide_how_to_begin():
    assert advice(Situation(**CHOSEN, notice="Restored.")).title.startswith("2 · Paint")


def test_what_is_done_is_told_in_any_situation():
    for situation in ({}, CHOSEN, ANSWERED):
        told = advice(Situation(**situation, notice="Saved.", done=True))
        assert (told.title, told.sentence, told.urgent) == ("Done", "Saved.", False)
    assert advice(Situation(lost="No line.", notice="Saved.", done=True)).sentence == "No line."


def test_only_troubles_are_urgent():
    assert advice(Situation(notice="No!", urgent=True)).urgent
    assert advice(Situation(gone=True)).urgent
    assert not advice(Situation(**ANSWERED)).urgent


@pytest.mark.parametrize(
    ("situation", "step"),
    [
        (Situation(), Step.OPEN),
        (Situation(**CHOSEN), Step.PAINT),
        (Situation(**PAINTED), Step.WAIT),
        (Situation(**ANSWERED), Step.TRAIN),
        (Situation(**ANSWERED, notice="Saved."), Step.TRAIN),
        (Situation(**ANSWERED, trained=True, learning=Learning.TRAINING), Step.CORRECT),
        (Situation(**ANSWERED, trained=True, good=True), Step.SEGMENT),
        (Situation(**ANSWERED, trained=True, good=True, segmenting=True), Step.WAIT),
        (Situation(**ANSWERED, trained=True, notice="The result is…"), Step.WAIT),
        (Situation(**ANSWERED, gone=True), Step.TRAIN),
    ],
)
def test_the_button_of_the_step_is_known(situation, step):
    assert advice(situation).step is step


def test_a_drag_paints_the_class_that_the_guide_names():
    other = CHOSEN | {"selected": "cell"}
    assert "stroke of “cell”. Then click “background”" in advice(Situation(**other)).sentence
    two = advice(Situation(**other, painted=("background",))).sentence
    assert two.startswith("Good. Now paint a short stroke of “cell”")
    one = advice(Situation(**other, painted=("cell",))).sentence
    assert one.startswith("Good. Now click “background”")


def test_where_another_class_is_lacking_it_is_asked_for():
    alone = CHOSEN | {"classes": ("background",), "painted": ("background",)}
    assert "add a class" in advice(Situation(**alone)).sentence


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"notice": "This has NaN.", "urgent": True},
        {"notice": "Saved.", "done": True},
        {"notice": "Paint a second class."},
        {"good": True, "trained": True},
        {"painted": ()},
    ],
)
def test_nothing_is_the_next_step_while_the_image_is_refused(more):
    now = Situation(**(ANSWERED | {"refused": "This has NaN."} | more))
    assert advice(now).step is Step.WAIT
    assert not now.segmentable
    assert advice(now).sentence in ("This has NaN.", "Saved.")


def test_a_score_on_few_strokes_sends_nobody_on():
    now = {**ANSWERED, "trained": True, "good": True}
    one, few, many = (advice(Situation(**now, few=number)) for number in (1, 3, 0))
    assert few.title == one.title == "4 · Look closely"
    assert few.step is one.step is Step.CORRECT
    assert "only 3 strokes were kept aside to judge by" in few.sentence
    assert "only 1 stroke was kept" in one.sentence
    assert many.title == "5 · Looks good: segment all"
    assert many.step is Step.SEGMENT
    assert "only" not in many.sentence


def test_good_strokes_before_any_training_do_not_skip_it():
    assert advice(Situation(**ANSWERED, good=True)).step is Step.TRAIN
