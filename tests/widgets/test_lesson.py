from __future__ import annotations

import pytest

from napari_unet.engine import messages as m
from napari_unet.widgets import notices
from napari_unet.widgets.guidance import Learning
from napari_unet.widgets.lesson import Lesson


@pytest.fixture
def posted():
    return []


@pytest.fixture
def lesson(posted, qtbot):
    return Lesson(posted.append)


def kinds(posted):
    return [type(command) for command in posted]


def test_resting_ends_when_a_step_is_reported(lesson):
    lesson.train()
    lesson.hear(m.Rested("enough"))
    assert lesson.learning is Learning.RESTING
    lesson.hear(m.Trained(30, 0.1, 0.1))
    assert lesson.learning is Learning.TRAINING


def test_a_late_step_does_not_undo_a_pause(lesson):
    lesson.train()
    lesson.pause()
    lesson.hear(m.Trained(3, 0.1, 0.1))
    lesson.hear(m.Rested("enough"))
    assert lesson.learning is Learning.PAUSED


def test_a_new_engine_gets_the_last_model_and_goes_on(lesson, posted):
    lesson.train()
    lesson.hear(m.Exported(b"first", asked=False))
    lesson.hear(m.Exported(b"second", asked=False))
    posted.clear()
    lesson.resume()
    lesson.go_on()
    assert kinds(posted) == [m.Restore, m.Train]
    assert posted[0].model == b"second"


def test_a_new_engine_is_not_trained_if_the_last_one_was_not(lesson, posted):
    lesson.resume()
    lesson.go_on()
    assert posted == []


def test_reset_forgets_the_model_too(lesson, posted):
    lesson.hear(m.Exported(b"first", asked=False))
    lesson.reset()
    posted.clear()
    lesson.resume()
    assert posted == []


def test_what_the_engine_refused_stays_until_it_can_work(lesson):
    lesson.hear(m.Refused("This image has NaN."))
    lesson.hush()
    lesson.hear(m.Advised("Choose an image."))
    lesson.train()
    assert lesson.notice == "This image has NaN."
    lesson.hear(m.Answered(1, 0.1))
    assert lesson.notice == ""


def test_other_complaints_go_with_the_next_stroke(lesson):
    lesson.complain("Not that layer.")
    lesson.hush()
    assert lesson.notice == ""


def test_a_complaint_is_not_gone_with_the_next_answer(lesson):
    lesson.complain("The model cannot be saved.")
    lesson.hear(m.Answered(1, 0.1))
    lesson.hear(m.Advised("Paint more."))
    assert lesson.notice == "The model cannot be saved."


def test_what_was_lost_is_told_with_why_and_goes_with_the_next_stroke(lesson, tmp_path):
    lesson.save(tmp_path / "m.safetensors")
    lesson.hear(m.Refused("This image has NaN.", withheld=True))
    assert lesson.notice == "The model is not saved: This image has NaN."
    lesson.hear(m.Answered(1, 0.1))
    lesson.hush()
    assert lesson.notice == ""


@pytest.mark.parametrize(
    ("seen", "lost", "warned"),
    [(True, "", []), (True, "No line.", ["No!"]), (False, "", ["No!"])],
)
def test_a_notification_tells_only_what_the_guide_does_not(qtbot, monkeypatch, seen, lost, warned):
    told = []
    monkeypatch.setattr(notices, "warn", told.append)
    lesson = Lesson([].append, lambda: seen)
    if lost:
        lesson.part(lost)
    lesson.complain("No!")
    assert told == warned


def test_a_loaded_model_counts_as_an_answer(lesson):
    lesson.adopt(b"model")
    lesson.hear(m.Restored(("a", "b")))
    assert lesson.report.answered


def test_a_new_engine_is_told_which_file_the_model_is_until_something_was_learnt(lesson, posted):
    names = []
    lesson.learnt.connect(lambda _: names.append(lesson.loaded))
    lesson.adopt(b"model", "cells.safetensors")
    assert posted[-1].name == "cells.safetensors"
    lesson.resume()
    assert posted[-1].name == "cells.safetensors"
    lesson.hear(m.Exported(b"copy", asked=False))
    lesson.resume()
    assert (posted[-1].model, posted[-1].name) == (b"copy", None)
    lesson.reset()
    assert names == ["cells.safetensors", None, None]


def test_all_who_ask_for_the_model_get_it(lesson):
    first, second = [], []
    lesson.hand_over(first.append)
    lesson.hand_over(second.append)
    lesson.hear(m.Exported(b"copy", asked=False))
    assert first == second == []
    lesson.hear(m.Exported(b"model", asked=True))
    lesson.hear(m.Exported(b"model", asked=True))
    assert first == second == [b"model"]


def test_a_machine_out_of_reach_is_told_once_until_a_new_engine_is(lesson):
    lesson.train()
    assert lesson.part("The connection was lost.")
    assert not lesson.part("lab refuses ssh.")
    assert lesson.lost == "lab refuses ssh."
    lesson.resume()
    assert lesson.lost == ""
    assert lesson.learning is Learning.TRAINING


def test_who_waits_for_the_model_is_told_that_it_will_not_come(lesson):
    told = []
    lesson.withheld.connect(lambda: told.append(True))
    refused = m.Refused("No.", withheld=True)
    for end in (lesson.resume, lesson.stop, lambda: lesson.hear(refused)):
        lesson.hand_over(lambda model: None)
        end()
    assert len(told) == 3
    lesson.resume()  # nobody waits
    assert len(told) == 3


def test_what_is_saved_is_confirmed(lesson, tmp_path):
    lesson.save(tmp_path / "m.safetensors")
    lesson.hear(m.Exported(b"model", asked=True))
    assert lesson.done
    lesson.say("Paint a second class.")
    assert not lesson.done


def test_what_is_done_can_be_read_though_the_next_answer_comes_at_once(lesson):
    lesson.confirm("The network starts anew.")
    lesson.hear(m.Answered(1, 0.1))
    assert lesson.notice == "The network starts anew."
    lesson.hush()  # the next stroke
    assert lesson.notice == ""


def test_a_model_that_waits_to_be_saved_is_asked_of_the_next_engine(lesson, posted, tmp_path):
    path = tmp_path / "m.safetensors"
    lesson.save(path)
    lesson.resume()
    posted.clear()
    lesson.hear(m.Answered(1, 0.1))
    lesson.hear(m.Answered(2, 0.1))
    assert kinds(posted) == [m.Export]
    lesson.hear(m.Exported(b"model", asked=True))
    assert path.read_bytes() == b"model"


def test_a_model_that_waits_to_be_saved_survives_a_broken_line(lesson, posted, tmp_path):
    path = tmp_path / "m.safetensors"
    lesson.hear(m.Exported(b"first", asked=False))
    lesson.save(path)
    lesson.part("The connection was lost.")
    lesson.resume()
    lesson.hear(m.Restored(("a", "b")))
    lesson.hear(m.Exported(b"model", asked=True))
    assert path.exists()


@pytest.mark.parametrize(
    "end",
    [
        lambda lesson: lesson.stop(gone=True),
        lambda lesson: lesson.reset(),
        lambda lesson: lesson.hear(m.Refused("There is no model yet.", withheld=True)),
        lambda lesson: lesson.hear(m.Failed("It stumbled.", "Traceback")),
    ],
)
def test_who_saves_in_vain_is_told(lesson, monkeypatch, tmp_path, end):
    told = []
    monkeypatch.setattr("napari_unet.widgets.notices.warn", told.append)
    monkeypatch.setattr("napari_unet.widgets.notices.report", lambda *said: told.append(said[0]))
    lesson.save(tmp_path / "m.safetensors")
    end(lesson)
    assert any(said.startswith("The model is not saved: ") for said in told)
    assert lesson.notice.startswith("The model is not saved: ")  # and nothing else came over it
    assert lesson.urgent
    lesson.hear(m.Exported(b"late", asked=True))
    assert not list(tmp_path.iterdir())


def test_another_refusal_does_not_lose_the_model(lesson, tmp_path):
    path = tmp_path / "m.safetensors"
    lesson.save(path)
    lesson.hear(m.Refused("This image has NaN.", "plane"))
    lesson.hear(m.Exported(b"model", asked=True))
    assert path.exists()
