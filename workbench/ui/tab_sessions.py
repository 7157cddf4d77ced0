"""What the server remembers of each browser tab and each client: little, and of a bounded number of them."""

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
    """The page that all share. Gradio copies it for every session, and for every call that names none."""

    def __init__(self, page: gr.Blocks) -> None:
        super().__init__(page)
        self.open_fields: dict[int, Block] = {}

    def __copy__(self) -> TabConfig:
        return TabConfig(self)

    def open_choices(self) -> None:
        """Let every list of choices that functions fill take what it was not built with.

        Which choices a tab was sent is known to its session; where that was dropped, the function that is called decides.
        """
        filled = {block for function in self.fns.values() for block in function.outputs}
        for field in filled:
            if isinstance(field, gr.Dropdown):
                self.open_fields[field._id] = open_field = copy.copy(field)
                open_field.preprocess = _check_choice


class TabConfig(BlocksConfig):  # type: ignore[misc]
    """The page as one session has it: what was changed there lies over the page that all share."""

    def __init__(self, page: PageConfig) -> None:
        super().__init__(page.root_block)
        self.overrides: dict[int, Block] = {}
        self.blocks = ChainMap(self.overrides, page.open_fields, page.blocks)
        self.fns, self.fn_id = page.fns, page.fn_id

    @staticmethod
    def config_for_block(*_: Any, **__: Any) -> dict[str, Any]:
        """Nothing: Gradio asks all blocks for it, and only links to a saved state, which there are none of here, need it."""
        return {}

    def forget_looks(self) -> None:
        """Keep changed fields only: what a user enters is checked against them, while all else is only shown."""
        for number in [
            number for number, block in self.overrides.items() if not isinstance(block, FormComponent)
        ]:
            del self.overrides[number]


class TabSessions(StateHolder):  # type: ignore[misc]
    """The sessions that are remembered, at most ``capacity``.

    One that holds nothing is the same as a new one, so those go first; after them the one that was not used for longest. What a
    session holds is where a tab stands (a filter, a page); whoever comes back after it was dropped begins with the defaults.
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
    """The messages that each session has not read yet, without those of sessions that wait for nothing any more.

    Args:
        queue: Gradio's, whose list of calls under way is cleared with them.
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


def keep_few(page: gr.Blocks, app: Any, most: int) -> None:
    """Replace what remembers sessions in Gradio's app of a page.

    Args:
        page: The page, as it was mounted.
        app: Gradio's app.
        most: How many sessions are remembered.
    """
    page.default_config.open_choices()
    page.state_session_capacity = most
    app.state_holder = TabSessions()
    app.state_holder.set_blocks(page)
