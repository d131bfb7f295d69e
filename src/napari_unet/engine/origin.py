"""What a new network starts from, and which kind of network it is."""

from __future__ import annotations

from typing import Literal

import msgspec

from napari_unet.core.image import Picture
from napari_unet.core.lineage import Past, begun, continued, descended
from napari_unet.core.model import Model
from napari_unet.core.settings import Network, Settings
from napari_unet.core.suitable import check_channels, check_kind

Init = Literal["bundled", "random"]


class Origin:
    """A model brings its own kind of network, which the user did not choose in the settings.

    So what they chose is remembered: it counts again once they choose anew, or reset.

    Parameters
    ----------
    start : "bundled", "random" or Model

    Attributes
    ----------
    start : what a new network starts from now.
    """

    def __init__(self, start: Init | Model) -> None:
        self.start = start
        self._own = False  # a model to start from is a copy out of this very training
        self._asked: Network | None = None  # by the user; None: nothing yet

    @property
    def model(self) -> Model | None:
        """The model to start from, or None."""
        return self.start if isinstance(self.start, Model) else None

    def configured(self, settings: Settings) -> Settings:
        """The user's settings, with the network of the model unless they now ask for another."""
        before, self._asked = self._asked, settings.network
        if self.model is not None and before not in {None, self._asked}:
            self.start = "bundled"
        return self.settled(settings)

    def adopt(self, model: Model, *, own: bool) -> None:
        """Start from this model from now on; `own`: it is a copy out of this very training."""
        self.start, self._own = model, own

    def past(self, source: Init | Model, *, pretrained: bool) -> Past:
        """What was before a trainer that begins with this source, whose weights are pre-trained."""
        if not isinstance(source, Model):
            return begun(pretrained=pretrained)
        made = source.header.made
        if source is self.start and not self._own:
            return descended(source.name, source.checksum, made)
        return continued(made)

    def forget(self, settings: Settings) -> Settings:
        """Leave a model; the settings with the network that the user asked for."""
        if self.model is None:
            return settings
        self.start = "bundled"
        return _with(settings, self._asked or settings.network)

    def settled(self, settings: Settings) -> Settings:
        """The settings with the network of the model, if there is one."""
        if self.model is None:
            return settings
        return _with(settings, self.model.header.settings.network)

    def check(self, picture: Picture) -> None:
        """Refuse images with other channels than the model's, and planes for one of volumes.

        Raises
        ------
        ImageError
        """
        if self.model is not None:
            shape = self.model.header.shape
            check_channels(shape.in_channels, picture.channels)
            if shape.axes == 3:  # one of planes can begin a network for volumes
                check_kind(3, picture)


def _with(settings: Settings, network: Network) -> Settings:
    return msgspec.structs.replace(settings, network=network)
