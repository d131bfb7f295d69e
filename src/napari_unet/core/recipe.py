"""What a batch makes of each image file."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from msgspec import Struct

from napari_unet.core.objects_settings import ObjectSettings

Kind: TypeAlias = Literal["classes", "objects", "probabilities", "measurements"]
Format: TypeAlias = Literal["ome-tiff", "ome-zarr"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FORMATS: tuple[Format, ...] = get_args(Format)
_IMAGE_ENDS = {"ome-tiff": ".tif", "ome-zarr": ".ome.zarr"}


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """What is made of each file, and how.

    Attributes
    ----------
    kinds : what is written
    format : of the images that are written
    channels : channels of the files to use, 1 is the first; empty: all
    of : classes whose objects are wanted; empty: all but the first
    objects : what counts as an object
    """

    kinds: tuple[Kind, ...] = ("classes",)
    format: Format = "ome-tiff"
    channels: tuple[int, ...] = ()
    of: tuple[int, ...] = ()
    objects: ObjectSettings = ObjectSettings()

    @property
    def counts(self) -> bool:
        """Whether objects are looked for."""
        return "objects" in self.kinds or "measurements" in self.kinds

    @property
    def cuts(self) -> bool:
        """Whether objects are cut apart, for which it counts how sure the network is."""
        return self.counts and self.objects.split

    def image_name(self, stem: str, kind: Kind) -> str:
        """The name of a result: the file's stem, and what it is if it is not the classes."""
        end = _IMAGE_ENDS[self.format]
        bare = stem.removesuffix(".ome") if self.format == "ome-zarr" else stem
        return bare + (end if kind == "classes" else f"_{kind}{end}")
