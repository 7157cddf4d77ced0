"""Conversion of exceptions to sentences for the user; a traceback is logged, never shown."""

from __future__ import annotations

import functools
import logging
import sqlite3
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import gradio as gr

from storage.core.errors import DiskFull, DomainError, is_disk_full

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
UNEXPECTED = "Something went wrong on the server; its log says what. Nothing was lost. Please try again."
UNWRITABLE = "A text has half a character in it, which cannot be stored. Type it again."
TOO_LARGE = "A number is too large for what it stands for."
BUSY = "The database is busy with other changes. Please try again in a moment."


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a callback or endpoint so that its exceptions become ``gr.Error`` with one sentence."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from error

    return wrapper


def sentence(error: Exception) -> str:
    """The sentence that describes an exception to a user; unexpected exceptions are logged."""
    if isinstance(error, DomainError):
        return str(error).encode("utf-8", "replace").decode()
    if is_disk_full(error):
        return str(DiskFull())
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return BUSY
    if isinstance(error, UnicodeEncodeError):
        return UNWRITABLE
    if isinstance(error, OverflowError):
        return TOO_LARGE
    log.error("unexpected error", exc_info=error)
    return UNEXPECTED
