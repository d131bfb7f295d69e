"""The one object per viewer behind all its panels: images, classes, training and the engine."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from functools import partial

from napari.layers import Image, Labels
from napari.viewer import Viewer
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal

from napari_unet.core.annotations import AnnotationError
from napari_unet.core.image import ImageError
from napari_unet.core.objects_settings import ObjectSettings
from napari_unet.core.settings import Settings
from napari_unet.engine.messages import Configure
from napari_unet.widgets.binding import Binding
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.engine_care import EngineCare
from napari_unet.widgets.guidance import Situation
from napari_unet.widgets.hearing import Hearing
from napari_unet.widgets.keeper import Keeper
from napari_unet.widgets.lesson import Lesson
from napari_unet.widgets.look import show_only
from napari_unet.widgets.network_choice import NetworkChoice
from napari_unet.widgets.overlay import Overlay
from napari_unet.widgets.pointer import Pointer
from napari_unet.widgets.project import Project
from napari_unet.widgets.result_view import ResultView
from napari_unet.widgets.roster import Roster
from napari_unet.widgets.scribe import Scribe
from napari_unet.widgets.segmenting import ImageSegmenter
from napari_unet.widgets.situation import situation_of
from napari_unet.widgets.walk import Walk
from napari_unet.widgets.watch import ViewerWatch


class Studio(QObject):
    """What the panels of one viewer show and steer. Get it with `studios.studio_of`.

    Attributes
    ----------
    watch : tells of the viewer's layers and theme.
    keeper, care : the engine's process; who starts it, here or on another machine.
    desk : the images in work.
    roster : the classes.
    lesson : training as it stands.
    segmenter : segments whole images.
    network : which one learns.
    pointer : shows where to paint next.
    scribe : paints for the user.
    project : records all of it on the disk.
    walk : steps through a folder of images.
    object_settings : what counts as an object, as last said in this window.
    suggested_size : the smallest object if nobody chooses another.
    fresh : no image was chosen yet.
    guides : those in sight, which show what the lesson says; any numbers that are their own.

    Signals
    -------
    painted, image_changed, settings_changed, news
        The strokes, the image in work, the settings (by a project that was opened), anything
        else of interest is different now.
    """

    painted = Signal()
    image_changed = Signal()
    settings_changed = Signal()
    news = Signal()

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._views: set[int] = set()
        self.guides: set[int] = set()
        self.settings = Settings()
        self.object_settings = ObjectSettings()
        self.suggested_size = self.object_settings.smallest
        self.fresh = True
        self.watch = ViewerWatch(viewer)
        self.keeper = Keeper()
        self.desk = Desk(viewer)
        self.roster = Roster(viewer, self.desk)
        self.lesson = Lesson(self.keeper.post, partial(bool, self.guides))
        self.segmenter = ImageSegmenter(self.keeper.post)
        self.network = NetworkChoice(self.desk, self.roster, self.lesson, self.segmenter)
        self.care = EngineCare(
            self.keeper, self.desk, self.lesson, self.segmenter, self._configuration
        )
        self.project = Project(self.desk, self.roster, self.lesson)
        self.pointer = Pointer(viewer, self.desk, self.keeper.post)
        self.scribe = Scribe(viewer, self.desk)
        self._result_view = ResultView(self.watch, self.desk, self.scribe)
        self._segmented: Binding | None = None
        self.walk = Walk(viewer, self.desk)
        self._hearing = Hearing(self.desk, self.roster, self.lesson, self.segmenter, self.pointer)
        self._connect()

    def _connect(self) -> None:
        self.keeper.received.connect(self._hearing.take)
        self.keeper.parted.connect(self._hearing.rest)
        self.desk.planes.say.connect(self.keeper.post)
        self.desk.painted.connect(self._on_painted)
        self.desk.lost.connect(self._on_lost)
        self.desk.turned.connect(self._on_turned)
        self.network.turned.connect(self.image_changed)
        self.project.warned.connect(self.lesson.complain)
        self.project.informed.connect(self.lesson.confirm)
        self.image_changed.connect(self.project.touch)
        self.desk.complained.connect(self.lesson.complain)
        self.pointer.said.connect(self.lesson.say)
        self.scribe.said.connect(self.lesson.say)
        self.scribe.copied.connect(self.lesson.confirm)
        self.image_changed.connect(self.walk.follow)
        self.walk.chosen.connect(self.choose)
        self.walk.changed.connect(self._on_walked)
        self.walk.said.connect(self.lesson.complain)
        self.roster.renamed.connect(self._configure)
        self.segmenter.finished.connect(self._on_segmented)
        for signal in (
            self._hearing.heard, self.lesson.changed, self.roster.changed, self.scribe.changed,
            self.desk.planes.refusal_changed,
        ):  # fmt: skip
            signal.connect(self.news)
        self.news.connect(self.project.touch)

    # -- who looks -----------------------------------------------------------------------

    def join(self, view: int) -> None:
        """A view opened (any number that is its own); the engine runs while there is one."""
        self._views.add(view)
        self.care.start()

    def leave(self, view: int) -> None:
        """A view closed; after the last one the engine ends, strokes and weights stay."""
        self._views.discard(view)
        if not self._views:
            self.care.rest()
        if self._views or not self.keeper.running:
            return
        self.segmenter.cancel()
        self.keeper.close()
        # at napari's end Qt may take it away before the last view
        if isalive(self.lesson):  # type: ignore[no-untyped-call]
            self._hearing.rest()
            self.lesson.stop()

    # -- what the user does --------------------------------------------------------------

    def choose(self, images: Sequence[Image], paint: Labels | None = None) -> None:
        """Work on this image: one layer, or several as its channels."""
        self.fresh = False
        self.lesson.say("")
        self.roster.adopt_from(images[0], paint)
        try:
            self.desk.choose(images, paint, self.roster.classes.colours)
        except (ImageError, AnnotationError) as error:
            self.lesson.complain(str(error))
        self.image_changed.emit()
        self.painted.emit()
        self._take_up()

    def release(self) -> None:
        """Work on no image for now."""
        self.desk.release()
        self.image_changed.emit()

    def set_settings(self, settings: Settings) -> None:
        """Use other settings from now on."""
        self.settings = settings
        self.project.use_settings(settings)
        self._configure()

    def train(self) -> None:
        """Learn from the strokes until paused."""
        self._result_view.go_on()
        self.care.start()
        self.lesson.train()

    def segment(self) -> None:
        """Segment the whole image into a new layer."""
        if self.desk.active is not None and not self.segmenter.running:
            self.lesson.say("")
            active, colours = self.desk.active, self.roster.classes.colours
            self._segmented = active
            first, volumes = active.strokes.current, self.desk.planes.volumes
            self.segmenter.start(active.images, colours, first=first, volumes=volumes)
            self.news.emit()

    def show_overlay(self, what: int | None) -> None:
        """Show the probability of a class, or where it is unsure (`UNSURE`), or nothing."""
        self.desk.display.show_overlay(Overlay.of(what, self.roster.classes.names))

    # -- what the panels ask -------------------------------------------------------------

    @property
    def situation(self) -> Situation:
        """All that the next step depends on."""
        return situation_of(
            self.watch, self.desk, self.roster, self.lesson, self.segmenter, self.scribe
        )

    # -- what happens --------------------------------------------------------------------

    def _on_painted(self, largest: int) -> None:
        self.lesson.hush()
        if not self.roster.make_room(largest):
            self.lesson.complain(
                f"The strokes hold the value {largest}, but there are only "
                f"{len(self.roster.classes)} classes. Is this an image of objects? Number the "
                "classes instead: 1 background, 2 cells and so on."
            )
        self.painted.emit()

    def _on_turned(self) -> None:
        self.image_changed.emit()
        self._take_up()

    def _take_up(self) -> None:
        """See to it that the image in work can be seen and painted on."""
        viewer, active = self._viewer(), self.desk.active
        if viewer is not None and active is not None and not active.image.visible:
            show_only(viewer, self.desk, active.images)
        self.roster.select(self.roster.selected)

    def _on_walked(self) -> None:
        self.project.folder = "" if self.walk.folder is None else self.walk.folder.as_posix()
        self.project.touch()

    def _on_lost(self, sentence: str) -> None:
        self.segmenter.cancel()
        self.lesson.pause()
        self.lesson.say(sentence, urgent=True)
        self.image_changed.emit()
        self.painted.emit()

    def _on_segmented(self, layer: Labels | None, sentence: str) -> None:
        if layer is not None:
            self.watch.add_layer(layer)
            self._result_view.show(self._segmented, layer)
            self.lesson.confirm(
                f"The result is the new layer “{layer.name}”. Save it with File > Save Selected "
                "Layers, or save the model for other images. Click a class to go on painting."
            )
        self._segmented = None
        if sentence:
            self.lesson.complain(sentence)
        self.news.emit()

    # -- what the engine must know -------------------------------------------------------

    def _configure(self) -> None:
        self.keeper.post(self._configuration())

    def _configuration(self) -> Configure:
        return Configure(self.roster.classes.names, self.settings)
