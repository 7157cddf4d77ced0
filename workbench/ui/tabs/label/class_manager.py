"""The class manager: add, rename, recolour, merge and remove classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from storage.core.errors import DomainError
from storage.queries.image_rows import counted
from workbench.services import Services
from workbench.ui.components.assets import mounting, template
from workbench.ui.context import actor
from workbench.ui.error_boundary import sentence
from workbench.ui.payload import Payload


def class_manager(services: Services) -> gr.HTML:
    """The panel; its value is :func:`listed`, its event ``changed`` comes after every change."""
    return gr.HTML(
        listed(services),
        html_template=template("label/class_manager.html"),
        js_on_load=mounting("label/class_manager.js", events=("changed",)),
        server_functions=[_changer(services)],
        apply_default_css=False,
        elem_id="label-classes",
    )


def listed(services: Services) -> list[dict[str, Any]]:
    """The classes as the panel's script holds them."""
    return [
        {"name": class_.name, "colour": class_.colour, "count": class_.count}
        for class_ in services.stores.classes.all()
    ]


def _changer(services: Services) -> Callable[..., dict[str, str]]:
    def change_class(order: Any, request: gr.Request) -> dict[str, str]:
        try:
            what, name, to = map(Payload.of(order).text, ("what", "name", "to"))
            return {"said": _carry_out(services, what, (name, to), actor(request)), "error": ""}
        except Exception as error:
            return {"said": "", "error": sentence(error)}

    return change_class


def _carry_out(services: Services, what: str, names: tuple[str, str], by: str) -> str:
    labelling, (name, to) = services.labelling, names
    if what == "add":
        return f"Added {labelling.add(name, by).name}."
    if what == "rename":
        labelling.rename(name, to, by)
        return f"{name} is now {to}."
    if what == "recolour":
        labelling.recolour(name, to, by)
        return f"{name} has a new colour."
    if what == "merge":
        return f"Moved {counted(labelling.merge(name, to, by))} from {name} into {to}."
    if what == "remove":
        return f"Removed {name}; {counted(labelling.remove(name, by))} became unlabelled."
    raise DomainError("A class can be added, renamed, recoloured, merged or removed.")
