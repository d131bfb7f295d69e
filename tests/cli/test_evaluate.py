from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from napari_unet.cli import main
from napari_unet.core.files import write_labels

TRUTH = np.array([[1, 1, 1, 2], [1, 0, 2, 2]], np.uint8)
PREDICTION = np.array([[1, 1, 2, 2], [2, 1, 2, 1]], np.uint8)  # IoU 2/5, Dice 4/7, both classes


def test_a_table_of_all_files_together(evaluate):
    for name in ("a", "b"):
        write_labels(evaluate.truth / f"{name}.tif", TRUTH)
    write_labels(evaluate.found / "a.tif", PREDICTION)
    Image.fromarray(PREDICTION).save(evaluate.found / "b.png")
    code, out, err = evaluate()
    assert code == 0
    assert err == ""
    assert out.splitlines() == [
        "class    IoU   Dice  true px",
        "-----  -----  -----  -------",
        "1      0.400  0.571        8",
        "2      0.400  0.571        6",
        "mean   0.400  0.571",
    ]


def test_json_has_a_line_for_each_file_and_one_for_all(evaluate):
    write_labels(evaluate.truth / "a.tif", TRUTH)
    write_labels(evaluate.found / "a.tif", PREDICTION)
    write_labels(evaluate.truth / "b.tif", TRUTH)
    write_labels(evaluate.found / "b.tif", np.where(TRUTH == 0, 1, TRUTH).astype(np.uint8))
    code, out, _ = evaluate("--json")
    a, b, both = map(json.loads, out.splitlines())
    assert code == 0
    assert (a["file"], b["file"], both["files"]) == ("a", "b", 2)
    assert a["classes"]["1"] == {"iou": 0.4, "dice": pytest.approx(4 / 7), "pixels": 4}
    assert b["mean_iou"] == b["mean_dice"] == 1
    assert both["mean_iou"] == pytest.approx((6 / 9 + 5 / 8) / 2)
    assert both["classes"]["1"]["iou"] == pytest.approx((2 + 4) / (5 + 4))


def test_files_without_counterpart_are_named(evaluate):
    write_labels(evaluate.truth / "a.tif", TRUTH)
    write_labels(evaluate.found / "a.tif", TRUTH)
    write_labels(evaluate.truth / "only_true.tif", TRUTH)
    write_labels(evaluate.found / "only_found.tif", TRUTH)
    code, _, err = evaluate()
    assert code == 0
    assert "only_found.tif" in err
    assert "only_true.tif" in err


def test_bad_files_are_told_and_the_rest_is_compared(evaluate):
    for name in ("a", "b", "c", "d"):
        write_labels(evaluate.truth / f"{name}.tif", TRUTH)
        write_labels(evaluate.found / f"{name}.tif", TRUTH)
    write_labels(evaluate.found / "b.tif", TRUTH[:, :3])
    (evaluate.found / "c.tif").write_bytes(b"")
    write_labels(evaluate.truth / "d.tif", TRUTH * 0)
    code, out, err = evaluate()
    assert code == 1
    assert "b.tif is 2 × 3 px but" in err
    assert "c.tif is an empty file" in err
    assert "d.tif is 0 all over" in err
    assert out.splitlines()[-1].split() == ["mean", "1.000", "1.000"]


def test_nothing_to_compare(evaluate):
    code, out, err = evaluate()
    assert (code, out) == (1, "")
    assert "holds no image" in err
    write_labels(evaluate.truth / "a.tif", TRUTH)
    write_labels(evaluate.found / "b.tif", TRUTH)
    code, _, err = evaluate()
    assert code == 1
    assert "No file in" in err
    code = main(["evaluate", "--prediction", "none", "--truth", str(evaluate.truth)])
    assert code == 1
