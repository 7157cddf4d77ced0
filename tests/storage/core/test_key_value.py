from collections.abc import Callable

from workbench.stores import Stores


def test_a_value_outlives_the_process_and_the_newest_counts(
    stores: Stores, reopened: Callable[[], Stores]
) -> None:
    assert stores.preferences.get("columns", 4) == 4
    stores.preferences.set("columns", {"wide": [1, None, "ä"]})
    stores.preferences.set("columns", {"wide": [2, None, "ä"]})
    assert reopened().preferences.get("columns", 4) == {"wide": [2, None, "ä"]}
