"""`napari-unet segment`: label files, objects, probabilities and measurements of images."""

from __future__ import annotations

import argparse
import time
from typing import assert_never

from napari_unet.cli.models import open_model
from napari_unet.cli.output import Progress, Refusal, result, say
from napari_unet.cli.parser import chosen_settings
from napari_unet.core.device import DeviceError, choose
from napari_unet.core.objects_settings import ObjectSettings
from napari_unet.core.package.archive import looks_like_one
from napari_unet.core.package.running import PackageSegmenter
from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import Compute, declared
from napari_unet.engine.batch.pace import Pace, in_words
from napari_unet.engine.batch.plan import Order
from napari_unet.engine.batch.segmenter import ModelSegmenter, Segmenter
from napari_unet.engine.folder import segment_folder
from napari_unet.engine.messages import (
    FileAdvanced,
    FileSegmented,
    FolderFound,
    FolderSegmented,
)


def run(options: argparse.Namespace) -> int:
    """Segment files; 1 if any failed."""
    compute = chosen_settings(options).compute
    try:
        choose(compute, spare=0)
    except DeviceError as error:
        raise Refusal(str(error)) from error
    segmenter = _segmenter(options, compute)
    recipe = _recipe(options)
    order = Order(
        tuple(options.input), options.out, options.pattern, options.recursive, recipe,
        options.overwrite,
    )  # fmt: skip
    progress, pace = Progress(), Pace()
    for event in segment_folder(order, segmenter, cluster=options.cluster):
        match event:
            case FolderFound():
                pass
            case FileAdvanced():
                progress.show(_line(event, pace), time.monotonic())
            case FileSegmented():
                progress.end()
                pace.take(event)
                _tell(event, as_json=options.json)
            case FolderSegmented():
                progress.end()
                return _end(event)
            case _:
                assert_never(event)
    raise AssertionError("a batch ends with its sum")


def _segmenter(options: argparse.Namespace, compute: Compute) -> Segmenter:
    if looks_like_one(options.model):
        return PackageSegmenter(str(options.model), trusted=options.trust)
    return ModelSegmenter(open_model(options.model).to_bytes(), compute)


def _recipe(options: argparse.Namespace) -> Recipe:
    said = {knob.name: getattr(options, knob.name) for knob in declared(ObjectSettings())}
    objects = ObjectSettings(**{name: value for name, value in said.items() if value is not None})
    return Recipe(options.outputs, options.format, options.channels, options.objects_of, objects)


def _line(event: FileAdvanced, pace: Pace) -> str:
    left = pace.left
    return f"{event.source}: {event.share:.0%}" + (f", {in_words(left)} left" if left else "")


def _end(event: FolderSegmented) -> int:
    say(f"{event.written} segmented, {event.skipped} done before, {event.failed} failed.")
    if event.problem:
        raise Refusal(event.problem)
    return 1 if event.failed else 0


def _tell(event: FileSegmented, *, as_json: bool) -> None:
    if event.error:
        say(f"napari-unet: {event.error}")
        if not as_json:
            return
    how = "was done before" if event.skipped else f"in {event.seconds:.1f} s"
    counted = "" if event.objects is None else f", {event.objects} objects"
    result(
        as_json=as_json,
        text=f"[{event.done}/{event.total}] {event.target} {how}{counted}",
        input=event.source,
        output=None if event.error else event.target,
        skipped=event.skipped,
        error=event.error or None,
        seconds=round(event.seconds, 3),
        objects=event.objects,
    )
