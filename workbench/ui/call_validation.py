"""Validation of the values of a call before Gradio processes them: it would hash, copy or fetch any file they name."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from fastapi import HTTPException, Request
from gradio.blocks import BlockFunction

from storage.core.errors import DomainError
from storage.core.integers import LARGEST_ID
from workbench.ui.error_boundary import TOO_LARGE, UNWRITABLE, sentence
from workbench.ui.file_transfer import NOT_UPLOADED, uploaded_file
from workbench.ui.tab_sessions import PageConfig, PendingMessages

log = logging.getLogger(__name__)
MAX_DEPTH = 100
MAX_NAME_LENGTH = 80
TOO_DEEP = "The values of this call are nested too deeply."
NOT_FINITE = "{name} is {number}; it must be a finite number."
UNNAMED_VALUE = "A number of this call"
NOT_OFFERED = "What was chosen is not offered there, or not any more. Reload the page and choose again."
TOO_BIG = "A file of this call is larger than files may be here."
NO_FILES_ALLOWED = "No files are taken here. Upload them, and name them in a call of an endpoint."
NO_FUNCTION = "This part of the page works in the browser alone, so there is nothing to call."
WRONG_VALUES = "A value of this call is not of the kind that is expected there. /gradio_api/info tells what each endpoint takes."


def check_values(values: Any, most_bytes: int | None = None) -> None:
    """Check all values of a call.

    Args:
        values: The parsed JSON.
        most_bytes: The maximum size of a file, in bytes; None for no limit.

    Raises:
        DomainError: A file was not uploaded or is too large, a text cannot be encoded, a number is too large or not
            finite, or the values are nested too deeply.
    """
    for name, value in _every_value(values):
        if isinstance(value, str) and not value.isascii():
            _check_text(value)
        elif isinstance(value, int | float):
            _check_number(name, value)
        elif isinstance(value, dict) and _is_file_data(value):
            _check_file(value.get("path"), most_bytes)


async def check_server_call(request: Request) -> None:
    """FastAPI dependency of all Gradio routes: checks the values of calls of a component's server functions.

    Raises:
        HTTPException: The values are invalid.
    """
    if not request.url.path.rstrip("/").endswith("/component_server"):
        return
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise HTTPException(400, NO_FILES_ALLOWED)
    try:
        check_values(await request.json())
    except DomainError as error:
        raise HTTPException(400, str(error)) from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The body of this call is no JSON.") from error


class ValidatedBlocks(gr.Blocks):  # type: ignore[misc]
    """``gr.Blocks`` that validates the values of every call and turns every exception into a sentence.

    Every route that calls a function (``/run``, ``/api``, ``/call``, ``/queue/join``) uses :meth:`process_api`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.default_config = PageConfig(self)

    def queue(self, *options: Any, **named: Any) -> ValidatedBlocks:
        """Create the queue of calls, with a bound on unread messages."""
        super().queue(*options, **named)
        self._queue.pending_messages_per_session = PendingMessages(self._queue)
        return self

    async def process_api(
        self, block_fn: BlockFunction, inputs: list[Any], event_data: gr.EventData | None = None, **call: Any
    ) -> dict[str, Any]:
        """Validate and execute a call.

        Raises:
            gr.Error: The call failed; the message is one sentence.
        """
        with _as_gradio_errors(sentence):
            check_values([inputs, getattr(event_data, "_data", None)], self.max_file_size)
            try:
                output: dict[str, Any] = await super().process_api(
                    block_fn, inputs, event_data=event_data, **call
                )
            finally:
                if state := call.get("state"):
                    state.blocks_config.drop_display_components()
            return output

    async def preprocess_data(self, block_fn: BlockFunction, inputs: list[Any], *rest: Any) -> list[Any]:
        """The preprocessed inputs of the function.

        Raises:
            gr.Error: The values do not match the function's inputs.
        """
        if block_fn.fn is None:
            raise gr.Error(NO_FUNCTION, print_exception=False)
        if len(inputs) < len(block_fn.inputs):
            raise gr.Error(_missing_values_message(block_fn, len(inputs)), print_exception=False)

        def describe_refusal(error: Exception) -> str:
            log.warning("values of a call of %s were refused: %r", block_fn.api_name, error)
            return WRONG_VALUES

        try:
            with _as_gradio_errors(describe_refusal):
                processed: list[Any] = await super().preprocess_data(block_fn, inputs, *rest)
                return processed
        except gr.Error as error:
            if "is not in the list of choices" in str(error.message):
                raise gr.Error(NOT_OFFERED, print_exception=False) from error
            raise


@contextmanager
def _as_gradio_errors(describe: Callable[[Exception], str]) -> Iterator[None]:
    """Re-raise exceptions of the block as ``gr.Error`` with the text that ``describe`` gives."""
    try:
        yield
    except gr.Error as error:
        # Gradio's own errors would log a traceback, although only a value was refused.
        error.print_exception = False
        raise
    except Exception as error:
        raise gr.Error(describe(error), print_exception=False) from error


def _every_value(values: Any) -> Iterator[tuple[str, Any]]:
    """Yield every nested value with its key, or the key of the list that contains it."""
    stack = [(UNNAMED_VALUE, values, 0)]
    while stack:
        name, value, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise DomainError(TOO_DEEP)
        yield name, value
        if isinstance(value, dict):
            for key, item in value.items():
                stack += [(UNNAMED_VALUE, key, depth + 1), (str(key)[:MAX_NAME_LENGTH], item, depth + 1)]
        elif isinstance(value, list | tuple):
            stack += [(name, item, depth + 1) for item in value]


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DomainError(UNWRITABLE) from error


def _check_number(name: str, number: float) -> None:
    if isinstance(number, float) and not math.isfinite(number):
        raise DomainError(NOT_FINITE.format(name=name, number=number))
    if abs(number) > LARGEST_ID and isinstance(number, int):
        raise DomainError(TOO_LARGE)


def _is_file_data(value: dict[Any, Any]) -> bool:
    meta = value.get("meta")
    return "path" in value or (isinstance(meta, dict) and meta.get("_type") == "gradio.FileData")


def _check_file(path: Any, most_bytes: int | None) -> None:
    # The URL beside the path is ignored: Gradio's page sends one, and nothing is fetched.
    file = uploaded_file(path)
    if file is None:
        raise DomainError(NOT_UPLOADED)
    if most_bytes is not None and file.stat().st_size > most_bytes:
        raise DomainError(TOO_BIG)


def _missing_values_message(block_fn: BlockFunction, received: int) -> str:
    needed = len(block_fn.inputs)
    names = ", ".join(list(inspect.signature(block_fn.fn).parameters)[:needed])
    return f"This call needs {needed} value{'' if needed == 1 else 's'} ({names}); {received or 'none'} came with it."
