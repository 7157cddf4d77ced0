"""Labellers, an import and a run at once for some seconds; the benchmark does it for minutes."""

from pathlib import Path

import pytest

from tests.benchmarks.data.concurrency import measure
from tests.benchmarks.data.targets import OverHttp, Within, Workplace

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_nets")]
SECONDS = 6.0


@pytest.mark.parametrize("way", [Within, OverHttp])
def test_nothing_is_locked_lost_or_done_twice(tmp_path: Path, way: type[Workplace]) -> None:
    outcome = measure(way(tmp_path), tmp_path, SECONDS)
    assert outcome.notes.errors + outcome.faults == []
    assert (outcome.lost, outcome.unheard) == (0, 0)
    assert len({name for name, *_ in outcome.notes.acknowledged}) == 8
    assert outcome.notes.imported
    assert (outcome.notes.ended, outcome.epochs > 0) == ("stopped", True)
