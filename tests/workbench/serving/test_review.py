import pytest

from workbench.serving.service import Prediction

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
    prediction = Prediction("a", max(scores.values()), scores, "v1")
    assert prediction.review_reason == why
    assert prediction.needs_review == bool(why)
