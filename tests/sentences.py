"""Errors that are told apart by a sentence which the product keeps as a constant."""

import re
from typing import TypeVar

import pytest

E = TypeVar("E", bound=Exception)


def raises_sentence(error_type: type[E], sentence: str) -> pytest.RaisesExc[E]:
    """Expect an error whose text is exactly this sentence."""
    return pytest.raises(error_type, match=rf"\A{re.escape(sentence)}\Z")
