"""`napari-unet segment`: one label file per image."""

from __future__ import annotations

import argparse
from typing import Any, assert_never

from numpy.typing import NDArray

from napari_unet.cli.models import open_model
from napari_unet.cli.output import Refusal, result, say
from napari_unet.cli.parser import chosen_settings
from napari_unet.core.device import DeviceError, choose
from napari_unet.core.model import Model
from napari_unet.core.settings import Compute
from napari_unet.engine.folder import segment_folder
from napari_unet.engine.messages import FileSegmented, FolderSegmented


class _Segmenter:
    """A model on the device that was asked for."""

    def __init__(self, model: Model, compute: Compute) -> None:
        self._model = model
        self._compute = None if compute == Compute() else compute

    def segment(self, array: NDArray[Any], /) -> NDArray[Any]:
        """Segment one image."""
        return self._model.segment(array, compute=self._compute)

    def to_bytes(self) -> bytes:
        """The model as the bytes of its file."""
        return self._model.to_bytes()


def run(options: argparse.Namespace) -> int:
    """Segment files; 1 if any failed."""
    compute = chosen_settings(options).compute
    try:
        choose(compute, spare=0)
    except DeviceError as error:
        raise Refusal(str(error)) from error
    model = _Segmenter(open_model(options.model), compute)
    events = segment_folder(
        model, options.input, options.out, pattern=options.pattern, again=options.overwrite
    )
    failed = 0
    for event in events:
        match event:
            case FileSegmented():
                _tell(event, as_json=options.json)
            case FolderSegmented():
                failed = event.failed
                say(
                    f"{event.written} segmented, {event.skipped} done before, "
                    f"{event.failed} failed."
                )
            case _:
                assert_never(event)
    return 1 if failed else 0


def _tell(event: FileSegmented, *, as_json: bool) -> None:
    if event.error:
        say(f"napari-unet: {event.error}")
        if not as_json:
            return
    how = "was done before" if event.skipped else f"in {event.seconds:.1f} s"
    result(
        as_json=as_json,
        text=f"[{event.done}/{event.total}] {event.target} {how}",
        input=event.source,
        output=None if event.error else event.target,
        skipped=event.skipped,
        error=event.error or None,
        seconds=round(event.seconds, 3),
    )
