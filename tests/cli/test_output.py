from __future__ import annotations

import json
import math

from napari_unet.cli.output import Progress, result, score, table


def test_a_result_is_text_or_one_line_of_json(capsys):
    result(as_json=False, text="well\ndone", a=1)
    assert capsys.readouterr().out == "well\ndone\n"
    result(as_json=True, text="well\ndone", a=math.nan, b={"ü": [1.5, math.inf]})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"a": None, "b": {"ü": [1.5, None]}}


def test_a_table_lines_up():
    lines = table(("class", "IoU"), [("1", "0.5"), ("mean", "0.75")]).splitlines()
    assert lines == ["class   IoU", "-----  ----", "1       0.5", "mean   0.75"]


def test_a_score_that_is_not_there_is_a_dash():
    assert [score(v) for v in (0.12345, None, math.nan)] == ["0.123", "–", "–"]


def test_progress_in_a_log_is_a_line_now_and_then(capsys):
    progress = Progress(every=5)
    for second in range(12):
        progress.show(f"at {second}", second)
    progress.end()
    assert capsys.readouterr().err.splitlines() == ["at 0", "at 5", "at 10"]


def test_progress_in_a_terminal_writes_over_its_line(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress = Progress()
    progress.show("one", 0)
    progress.show("two", 0.1)
    progress.end()
    progress.end()
    assert capsys.readouterr().err == "\r\033[Kone\r\033[Ktwo\n"
