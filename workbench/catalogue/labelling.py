"""Rules for classes: what a name may be, and which colour comes next."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress

from storage.catalogue.classes import Classes
from storage.catalogue.images import Catalogue
from storage.core.errors import Conflict, DomainError, NotFound
from storage.journal.image_edits import ImageEdits
from storage.records import ClassRecord
from workbench.core.palette import PALETTE
from workbench.core.path_names import fault, shown

LONGEST_NAME = 60
"""Characters: at most 240 bytes of UTF-8, where file systems take 255."""
INVISIBLE = {"Cf", "Mn", "Zs"}
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Labelling:
    """Labels pictures by class name, adding classes where they are new."""

    def __init__(self, catalogue: Catalogue, edits: ImageEdits, classes: Classes) -> None:
        self._catalogue = catalogue
        self._edits = edits
        self._classes = classes

    def ensure(self, name: str, actor: str, kind: str = "class") -> ClassRecord:
        """The class of that name, added if it is not there.

        Raises:
            DomainError: The name cannot be one of a class.
        """
        with suppress(NotFound):  # one of older data may have a name that a new one cannot have
            return self._classes.get(tidied(name))
        try:
            return self.add(name, actor, kind)
        except Conflict:  # somebody else added it in this moment
            return self._classes.get(tidied(name))

    def add(self, name: str, actor: str, kind: str = "class") -> ClassRecord:
        """Add a class, with the first colour of the palette that is free.

        Raises:
            DomainError: The name cannot be one of a class, or is taken.
        """
        present = self._classes.all()
        free = [colour for colour in PALETTE if colour not in {each.colour for each in present}]
        colour = free[0] if free else PALETTE[len(present) % len(PALETTE)]
        return self._classes.add(class_name(name), colour, actor, kind)

    def rename(self, name: str, new: str, actor: str) -> None:
        """Rename a class.

        Raises:
            DomainError: The new name cannot be one of a class, or is taken.
        """
        self._classes.rename(self._classes.get(name).id, class_name(new), actor)

    def recolour(self, name: str, colour: str, actor: str) -> None:
        """Give a class another colour, written ``#rrggbb``.

        Raises:
            DomainError: It is not such a colour.
        """
        if not COLOUR.fullmatch(colour):
            raise DomainError("A colour is written as # and six hexadecimal digits, such as #0072B2.")
        self._classes.recolour(self._classes.get(name).id, colour.upper(), actor)

    def merge(self, name: str, into: str, actor: str) -> int:
        """Move all pictures of a class into another and remove it; gives how many were moved.

        Raises:
            NotFound: One of the classes is not there.
            Conflict: They are the same class.
        """
        return self._classes.remove(self._classes.get(name).id, actor, self._classes.get(into).id)

    def remove(self, name: str, actor: str) -> int:
        """Remove a class; its pictures become unlabelled. Gives how many.

        Raises:
            NotFound: The class is not there.
        """
        return self._classes.remove(self._classes.get(name).id, actor)

    def label(self, image_ids: list[int], name: str, actor: str) -> tuple[int, int | None]:
        """Label pictures; an empty name clears, a new name adds the class.

        Returns:
            How many pictures changed and the event's id, None where nothing changed.

        Raises:
            DomainError: A picture is not there, or the name cannot be one of a class; nothing is changed.
        """
        self._catalogue.require(image_ids)
        return self._edits.label(image_ids, self.ensure(name, actor) if name else None, actor)

    def relabel(self, revisions: Mapping[int, int], name: str, actor: str) -> tuple[int, int | None]:
        """Label pictures as they were seen; an empty name clears.

        Args:
            revisions: The revision of each picture when it was seen, by id.
            name: A class that is there: a key never adds one.
            actor: Who does it.

        Returns:
            How many pictures changed and the event's id, None where nothing changed.

        Raises:
            NotFound: A picture or the class is not there; nothing is changed.
            StaleEdit: A picture was changed since it was seen; nothing is changed.
        """
        return self._edits.label(list(revisions), self._classes.get(name) if name else None, actor, revisions)


def class_name(text: str) -> str:
    """A class name as it is kept: see :func:`tidied`. It is also that of a folder, on every system.

    Raises:
        DomainError: Nothing is left, it is too long, or it cannot be the name of a folder.
    """
    name = tidied(text)
    if all(unicodedata.category(each) in INVISIBLE for each in name):
        raise DomainError("A class needs a name with at least one character that is not a blank.")
    if len(name) > LONGEST_NAME:
        raise DomainError(f"A class name has at most {LONGEST_NAME} characters; this one has {len(name)}.")
    if reason := fault(name):
        raise DomainError(f"The class name “{shown(name)}” {reason}.")
    return name


def class_or_none(text: str) -> tuple[str, str]:
    """The class that a folder or a table names, tidied.

    Returns:
        Its name and an empty text; where the text cannot be a class name, an empty name and a sentence that says why.
    """
    if not text:
        return "", ""
    try:
        return class_name(text), ""
    except DomainError as error:
        return "", str(error)


def tidied(text: str) -> str:
    """A name with blanks trimmed, inner ones made single, and Unicode composed."""
    return unicodedata.normalize("NFC", " ".join(str(text).split()))
