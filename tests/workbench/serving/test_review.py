import pytest

from workbench.serving.review import needs_review, review_reason

NO_CLASS = "No class reaches 60\u00a0%."


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ({"a": 0.9, "b": 0.1}, ""),
        ({"a": 0.61, "b": 0.39}, ""),
        ({"a": 0.62, "b": 0.38}, ""),
        ({"a": 1.0}, ""),
        ({"a": 0.59, "b": 0.21, "c": 0.2}, NO_CLASS),
        ({"a": 0.5, "b": 0.5}, NO_CLASS),
    ],
)
def test_a_person_looks_where_no_class_is_clear(scores: dict[str, float], why: str) -> None:
    assert review_reason(scores) == why
    assert needs_review(scores) == bool(why)
