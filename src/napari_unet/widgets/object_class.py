"""Of which class the objects in a layer are: by its name, as its number may change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from napari.layers import Layer

_KEY = "napari-unet class of objects"  # in the metadata, as copies of a layer have that, too


def class_of(layer: Layer) -> str:
    """The name of the class; empty if it is not known."""
    return str(layer.metadata.get(_KEY, ""))


def say_class(layer: Layer, name: str) -> None:
    """Note that the objects of a layer are of this class."""
    layer.metadata[_KEY] = name


def follow(layers: Iterable[Layer], names: Mapping[str, str]) -> None:
    """Go on with the names that classes have now, by those before."""
    for layer in layers:
        if (name := class_of(layer)) in names:
            say_class(layer, names[name])
