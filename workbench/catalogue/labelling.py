"""Manages classes and labels: valid class names, and default colours."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress

from storage.catalogue.classes import Classes
from storage.catalogue.images import Catalogue
from storage.core.errors import Conflict, DomainError, NotFound
from storage.journal.image_edits import ImageEdits
from storage.records import ClassRecord
from workbench.core.palette import PALETTE
from workbench.core.path_names import name_problem, printable_name

LONGEST_NAME = 60
"""Characters, thus at most 240 bytes in UTF-8; file systems allow 255."""
NO_NAME = "A class needs a name with at least one character that is not a blank."
TOO_LONG = "A class name has at most {longest} characters; this one has {length}."
INVALID_NAME = "The class name “{name}” {reason}."
INVALID_COLOUR = "A colour is written as # and six hexadecimal digits, such as #0072B2."
INVISIBLE = {"Cf", "Mn", "Zs"}
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Labelling:
    """Changes classes by name, and labels pictures with classes that may be new."""

    def __init__(self, catalogue: Catalogue, edits: ImageEdits, classes: Classes) -> None:
        self._catalogue = catalogue
        self._edits = edits
        self._classes = classes

    def ensure(self, name: str, actor: str, kind: str = "class") -> ClassRecord:
        """Get the class of a name, and create it if it does not exist.

        Raises:
            DomainError: The name is not a valid class name.
        """
        with suppress(NotFound):  # classes of older versions may have names that are not valid any more
            return self._classes.get(normalize_name(name))
        try:
            return self.add(name, actor, kind)
        except Conflict:  # added concurrently
            return self._classes.get(normalize_name(name))

    def add(self, name: str, actor: str, kind: str = "class") -> ClassRecord:
        """Add a class with the first unused colour of the palette.

        Raises:
            DomainError: The name is not a valid class name, or already exists.
        """
        existing = self._classes.all()
        unused = [colour for colour in PALETTE if colour not in {class_.colour for class_ in existing}]
        colour = unused[0] if unused else PALETTE[len(existing) % len(PALETTE)]
        return self._classes.add(class_name(name), colour, actor, kind)

    def rename(self, name: str, new: str, actor: str) -> None:
        """Rename a class.

        Raises:
            DomainError: The new name is not a valid class name, or already exists.
        """
        self._classes.rename(self._classes.get(name).id, class_name(new), actor)

    def recolour(self, name: str, colour: str, actor: str) -> None:
        """Set the colour of a class, as ``#rrggbb``.

        Raises:
            DomainError: It is not a valid colour.
        """
        if not COLOUR.fullmatch(colour):
            raise DomainError(INVALID_COLOUR)
        self._classes.recolour(self._classes.get(name).id, colour.upper(), actor)

    def merge(self, name: str, into: str, actor: str) -> int:
        """Move all pictures of a class to another class and remove it; returns the number of moved pictures.

        Raises:
            NotFound: One of the classes does not exist.
            Conflict: Both are the same class.
        """
        return self._classes.remove(self._classes.get(name).id, actor, self._classes.get(into).id)

    def remove(self, name: str, actor: str) -> int:
        """Remove a class; its pictures become unlabelled. Returns the number of these pictures.

        Raises:
            NotFound: The class does not exist.
        """
        return self._classes.remove(self._classes.get(name).id, actor)

    def label(self, image_ids: Sequence[int], name: str, actor: str) -> tuple[int, int | None]:
        """Label pictures by a name that may be new, for programs and imports.

        Args:
            image_ids: Ids of the pictures.
            name: The class, in any case, added if it does not exist; empty removes the label.
            actor: The acting user.

        Returns:
            The number of changed pictures, and the id of the journal event; None if nothing changed.

        Raises:
            DomainError: A picture does not exist, or the name is not a valid class name; nothing is changed.
        """
        self._catalogue.require(image_ids)
        return self._edits.label(image_ids, self.ensure(name, actor) if name else None, actor)


def class_name(text: str) -> str:
    """Normalize a class name by :func:`normalize_name` and check that it is also a valid folder name on every system.

    Raises:
        DomainError: The name is empty, too long, or not a valid folder name.
    """
    name = normalize_name(text)
    if all(unicodedata.category(character) in INVISIBLE for character in name):
        raise DomainError(NO_NAME)
    if len(name) > LONGEST_NAME:
        raise DomainError(TOO_LONG.format(longest=LONGEST_NAME, length=len(name)))
    if reason := name_problem(name):
        raise DomainError(INVALID_NAME.format(name=printable_name(name), reason=reason))
    return name


def class_or_none(text: str) -> tuple[str, str]:
    """Validate the class that a folder or a table names.

    Returns:
        The normalized name and an empty message; for an invalid name, an empty name and the error message.
    """
    if not text:
        return "", ""
    try:
        return class_name(text), ""
    except DomainError as error:
        return "", str(error)


def normalize_name(text: str) -> str:
    """Strip a name, collapse inner whitespace, and compose Unicode (NFC)."""
    return unicodedata.normalize("NFC", " ".join(str(text).split()))
