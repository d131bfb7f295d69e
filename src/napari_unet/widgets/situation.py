"""Where a viewer's work stands, from all that knows a part of it."""

from __future__ import annotations

from napari.layers import Image

from napari_unet.widgets.desk import Desk
from napari_unet.widgets.guidance import Situation
from napari_unet.widgets.held import MANY
from napari_unet.widgets.lesson import Lesson
from napari_unet.widgets.roster import Roster
from napari_unet.widgets.scribe import Scribe
from napari_unet.widgets.segmenting import ImageSegmenter
from napari_unet.widgets.watch import ViewerWatch


def situation_of(
    watch: ViewerWatch,
    desk: Desk,
    roster: Roster,
    lesson: Lesson,
    segmenter: ImageSegmenter,
    scribe: Scribe,
) -> Situation:
    """All that the user's next step depends on."""
    names, counts = roster.classes.names, desk.counts
    return Situation(
        images=len(watch.layers(Image)),
        image="" if desk.active is None else desk.active.image.name,
        refused="" if desk.active is None else desk.planes.refusal,
        classes=names,
        selected=names[roster.selected - 1] if roster.selected <= len(names) else "",
        painted=tuple(name for k, name in enumerate(names, start=1) if counts[k]),
        ready=bool(lesson.report.device),
        gone=lesson.gone,
        revived=lesson.revived,
        lost=lesson.lost,
        answered=lesson.report.answered and (lesson.knows or bool(counts.any())),
        learning=lesson.learning,
        trained=lesson.trained,
        good=lesson.report.good,
        few=_few(desk),
        segmenting=segmenter.running,
        outlining=scribe.outline is not None,
        notice=lesson.notice,
        urgent=lesson.urgent,
        done=lesson.done,
    )


def _few(desk: Desk) -> int:
    """How many strokes are held out, if they are few."""
    number = desk.planes.held.number(binding.image for binding in desk.bindings)
    return number if number < MANY else 0
