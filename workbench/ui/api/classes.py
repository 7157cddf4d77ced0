"""Endpoints that change classes. Each call is one event, which its actor can undo."""

from collections.abc import Callable
from typing import Any, TypedDict

from workbench.catalogue.labelling import class_name
from workbench.services import Services
from workbench.ui.api import ACTOR
from workbench.ui.api.arguments import require_actor, require_text


class ClassChanged(TypedDict):
    """The class as it is now, and how many pictures the change touched."""

    name: str
    changed: int


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""
    labelling = services.labelling

    def add_class(name: str, by: str = ACTOR) -> ClassChanged:
        """Add a class.

        Args:
            name: What it is called.
            by: Who does it.
        """
        added = labelling.add(require_text("name", name), require_actor(by))
        return ClassChanged(name=added.name, changed=0)

    def rename_class(name: str, to: str, by: str = ACTOR) -> ClassChanged:
        """Give a class another name; its pictures keep it.

        Args:
            name: The class.
            to: Its new name.
            by: Who does it.
        """
        labelling.rename(require_text("name", name), require_text("to", to), require_actor(by))
        renamed = services.stores.classes.get(class_name(to))
        return ClassChanged(name=renamed.name, changed=renamed.count)

    def recolour_class(name: str, colour: str, by: str = ACTOR) -> ClassChanged:
        """Give a class another colour.

        Args:
            name: The class.
            colour: Written as # and six hexadecimal digits, such as #0072B2.
            by: Who does it.
        """
        labelling.recolour(require_text("name", name), require_text("colour", colour), require_actor(by))
        return ClassChanged(name=services.stores.classes.get(name).name, changed=0)

    def merge_classes(name: str, into: str, by: str = ACTOR) -> ClassChanged:
        """Move all pictures of a class into another and remove it.

        Args:
            name: The class that goes.
            into: The class that stays.
            by: Who does it.
        """
        changed = labelling.merge(require_text("name", name), require_text("into", into), require_actor(by))
        return ClassChanged(name=services.stores.classes.get(into).name, changed=changed)

    def remove_class(name: str, by: str = ACTOR) -> ClassChanged:
        """Remove a class; its pictures become unlabelled.

        Args:
            name: The class.
            by: Who does it.
        """
        changed = labelling.remove(require_text("name", name), require_actor(by))
        return ClassChanged(name=name, changed=changed)

    return [add_class, rename_class, recolour_class, merge_classes, remove_class]
