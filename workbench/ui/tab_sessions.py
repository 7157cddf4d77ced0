"""Bounded session state: what the server stores for each browser tab and API client."""

from __future__ import annotations

import copy
from asyncio import Queue as AsyncQueue
from collections import ChainMap, OrderedDict
from typing import Any

import gradio as gr
from gradio.blocks import Block, BlocksConfig
from gradio.components.base import FormComponent
from gradio.queueing import Queue
from gradio.state_holder import SessionState, StateHolder

from storage.core.errors import DomainError

MAX_NAME_LENGTH = 128
MAX_UNREAD = 200
INVALID_NAME = f"A session_hash is a text of at most {MAX_NAME_LENGTH} letters."
INVALID_CHOICE = "What was chosen is no text and no number. Reload the page and choose again."


class PageConfig(BlocksConfig):  # type: ignore[misc]
    """The configuration that all sessions share. Gradio copies it for every session, and for every call without one."""

    def __init__(self, page: gr.Blocks) -> None:
        super().__init__(page)
        self.open_fields: dict[int, Block] = {}

    def __copy__(self) -> TabConfig:
        return TabConfig(self)

    def get_config(self, *renderable: Any) -> dict[str, Any]:
        """The configuration as Gradio sends it; the page itself is sent no inputs of endpoints.

        They are a third of all components, which a browser would create although nobody sees them. ``/config`` has them.
        """
        config: dict[str, Any] = super().get_config(*renderable)
        of_endpoints = {block["id"] for block in config["components"] if block["type"] == "api"}
        for page in config["page"].values():
            page["components"] = [number for number in page["components"] if number not in of_endpoints]
            layout = page["layout"]
            layout["children"] = [child for child in layout["children"] if child["id"] not in of_endpoints]
        return config

    def open_choices(self) -> None:
        """Let every dropdown that callbacks fill accept values beyond the choices it was built with.

        A session knows which choices its tab was sent; once the session was dropped, the callback validates the value.
        """
        filled = {block for function in self.fns.values() for block in function.outputs}
        for field in filled:
            if isinstance(field, gr.Dropdown):
                self.open_fields[field._id] = open_field = copy.copy(field)
                open_field.preprocess = _check_choice


class TabConfig(BlocksConfig):  # type: ignore[misc]
    """The configuration of one session: its changed components override those of the shared configuration."""

    def __init__(self, page: PageConfig) -> None:
        super().__init__(page.root_block)
        self.overrides: dict[int, Block] = {}
        self.blocks = ChainMap(self.overrides, page.open_fields, page.blocks)
        self.fns, self.fn_id = page.fns, page.fn_id

    @staticmethod
    def config_for_block(*_: Any, **__: Any) -> dict[str, Any]:
        """An empty dict: Gradio only needs it for links to a saved state, which this page has none of."""
        return {}

    def drop_display_components(self) -> None:
        """Drop changed components other than form fields; only those are needed, to validate inputs."""
        for number in [
            number for number, block in self.overrides.items() if not isinstance(block, FormComponent)
        ]:
            del self.overrides[number]


class TabSessions(StateHolder):  # type: ignore[misc]
    """Session states, at most ``capacity`` of them.

    Empty sessions are evicted first, since they equal new ones; then the least recently used one. A session holds the view of
    a tab (a filter, a page); after its eviction the tab starts from the defaults.
    """

    def __getitem__(self, name: str) -> SessionState:
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_LENGTH:
            raise DomainError(INVALID_NAME)
        with self.lock:
            if name not in self.session_data:
                self._create(name)
            self.session_data.move_to_end(name)
            return self.session_data[name]

    def _create(self, name: str) -> None:
        while len(self.session_data) >= self.capacity:
            empty = (session for session, state in self.session_data.items() if _is_empty(state))
            del self.session_data[next(empty, next(iter(self.session_data)))]
        state = SessionState(self.blocks)
        state.config_values = {}
        self.session_data[name] = state


def _is_empty(state: SessionState) -> bool:
    return not state.state_data and not state.blocks_config.overrides


class PendingMessages(OrderedDict[str, AsyncQueue[Any]]):
    """Unread messages by session; those of sessions without pending events are evicted.

    Args:
        queue: Gradio's queue, whose pending event ids are evicted too.
    """

    def __init__(self, queue: Queue) -> None:
        super().__init__()
        self._waiting = queue.pending_event_ids_session

    def __setitem__(self, name: str, messages: AsyncQueue[Any]) -> None:
        if name not in self and len(self) >= MAX_UNREAD:
            idle = [session for session in self if not self._waiting.get(session)]
            for session in idle or [next(iter(self))]:
                del self[session]
                self._waiting.pop(session, None)
        super().__setitem__(name, messages)


def _check_choice(choice: Any) -> Any:
    if choice is not None and not isinstance(choice, str | int | float):
        raise gr.Error(INVALID_CHOICE, print_exception=False)
    return choice


def limit_sessions(page: gr.Blocks, app: Any, most: int) -> None:
    """Replace the session store of a mounted page by a bounded one.

    Args:
        page: The mounted page.
        app: The Gradio app of the page.
        most: The maximum number of sessions.
    """
    page.default_config.open_choices()
    page.state_session_capacity = most
    app.state_holder = TabSessions()
    app.state_holder.set_blocks(page)
