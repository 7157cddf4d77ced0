"""Records in the shape that an endpoint promises."""

from typing import Any, TypeVar, cast

T = TypeVar("T")


def answer(shape: type[T], record: object, **others: Any) -> T:
    """Turn a record into an answer.

    Args:
        shape: The ``TypedDict`` of the answer.
        record: Has an attribute for each field that is not given in ``others``; a tuple becomes a list.
        **others: Fields that the record calls otherwise, or does not have.
    """
    fields = {
        name: others[name] if name in others else _listed(getattr(record, name))
        for name in shape.__annotations__
    }
    return cast(T, fields)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
