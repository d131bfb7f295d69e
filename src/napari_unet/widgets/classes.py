"""The list of classes as an immutable value: class 1 is the first, by custom the background."""

from __future__ import annotations

from dataclasses import dataclass, replace

from napari_unet.core.annotations import MAX_CLASSES
from napari_unet.core.objects_ids import FIRST_ID
from napari_unet.core.project.changes import LONGEST_NAME
from napari_unet.widgets.palette import colour

_FEWEST = 2
_TOO_MANY = f"Objects can be told apart where there are at most {FIRST_ID - 1} classes."


class ClassListError(ValueError):
    """A change of the classes that cannot be made; the message says why."""


@dataclass(frozen=True)
class LabelClass:
    """One class: its name, its colour as #rrggbb, and whether its objects are told apart."""

    name: str
    colour: str
    objects: bool = False


@dataclass(frozen=True)
class ClassList:
    """Classes 1…K in order."""

    items: tuple[LabelClass, ...] = (
        LabelClass("background", colour(1)),
        LabelClass("cell", colour(2)),
    )

    @classmethod
    def named(cls, names: tuple[str, ...], objects: tuple[int, ...] = ()) -> ClassList:
        """Classes of these names, in the default colours; objects of some are told apart.

        Names that come with a model or a layer can be any; those that no class can have are cut
        or replaced.
        """
        items: list[LabelClass] = []
        for k, name in enumerate(names, start=1):
            usable = _usable(name) or _unused(f"class {k}", items)
            items.append(LabelClass(usable, colour(k), k in objects))
        return cls(tuple(items))

    def __len__(self) -> int:
        return len(self.items)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of 1…K."""
        return tuple(item.name for item in self.items)

    @property
    def colours(self) -> tuple[str, ...]:
        """The colours of 1…K as #rrggbb."""
        return tuple(item.colour for item in self.items)

    @property
    def objects(self) -> tuple[int, ...]:
        """The classes whose objects are told apart."""
        return tuple(k for k, item in enumerate(self.items, start=1) if item.objects)

    def number(self, name: object) -> int:
        """The number of the class of this name; 0 if there is none."""
        return self.names.index(name) + 1 if name in self.names else 0

    def telling_apart(self, number: int, *, on: bool) -> ClassList:
        """With the objects of class `number` told apart, or no more.

        Raises
        ------
        ClassListError
            If it is the background, or there are too many classes.
        """
        if on and number == 1:
            raise ClassListError(
                f"“{self.names[0]}” is the background, which has no objects: choose another class."
            )
        if on and len(self) >= FIRST_ID:
            raise ClassListError(_TOO_MANY)
        return self._with(number, replace(self.items[number - 1], objects=on))

    def grown(self, count: int) -> ClassList:
        """At least `count` classes; new ones are called “class 3”, “class 4” and so on.

        Raises
        ------
        ClassListError
            If more than 255 are asked for.
        """
        if count > MAX_CLASSES:
            raise ClassListError(f"There can be at most {MAX_CLASSES} classes.")
        if count >= FIRST_ID and self.objects:
            raise ClassListError(_TOO_MANY)
        items = list(self.items)
        while len(items) < count:
            number = len(items) + 1
            items.append(LabelClass(_unused(f"class {number}", items), colour(number)))
        return ClassList(tuple(items))

    def renamed(self, number: int, name: str) -> ClassList:
        """Class `number` under another name.

        Raises
        ------
        ClassListError
            If the name is empty, too long or taken.
        """
        name = name.strip()
        if len(name) > LONGEST_NAME:
            raise ClassListError(
                f"A class's name has at most {LONGEST_NAME} characters: choose a shorter one."
            )
        name = _usable(name)
        if not name:
            raise ClassListError("A class needs a name.")
        if name in (*self.names[: number - 1], *self.names[number:]):
            raise ClassListError(f"There is a class “{name}” already; choose another name.")
        return self._with(number, replace(self.items[number - 1], name=name))

    def recoloured(self, number: int, value: str) -> ClassList:
        """Class `number` in another colour (#rrggbb)."""
        return self._with(number, replace(self.items[number - 1], colour=value))

    def without(self, number: int) -> ClassList:
        """Without class `number`; those after it move up by one.

        Raises
        ------
        ClassListError
            If fewer than two would be left.
        """
        if len(self.items) <= _FEWEST:
            raise ClassListError(
                "Two classes are the fewest: there must be something to tell apart. "
                "Rename one instead."
            )
        return ClassList(self.items[: number - 1] + self.items[number:])

    def _with(self, number: int, item: LabelClass) -> ClassList:
        return ClassList((*self.items[: number - 1], item, *self.items[number:]))


def new_names(before: ClassList, after: ClassList) -> dict[str, str]:
    """What classes are called now that were called otherwise before.

    A class that is gone, or that only moved as another one went or came back, is not among them.
    """
    return {
        old: new
        for old, new in zip(before.names, after.names, strict=False)
        if old not in after.names and new not in before.names
    }


def _usable(name: str) -> str:
    """A name as a project can keep it; empty if nothing is left."""
    text = name.encode("utf-8", "replace").decode("utf-8")  # half a pair of UTF-16 cannot be kept
    return text.strip()[:LONGEST_NAME].strip()


def _unused(name: str, items: list[LabelClass]) -> str:
    taken = {item.name for item in items}
    while name in taken:
        name += "′"
    return name
