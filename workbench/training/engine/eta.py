"""How fast training is, and how long it will take. Only the worker imports this."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.training.engine.recipe import Stage

_JUDGED = 0.6  # what an answer takes, for a picture and its mirror image, as a share of a training step


class EtaEstimator:
    """Measures the steps of a stage and the gaps between its epochs, in which it is judged.

    The first step of a stage is left out, since it traces the net, and so is the first gap.
    """

    def __init__(self, stages: Sequence[Stage], share: float) -> None:
        """Time some stages; ``share`` is that of validation pictures to training pictures."""
        self._stages = stages
        self._share = share
        self._stage = stages[0]
        self._clock = 0.0
        self._laps: list[float] = []
        self._gaps: list[float] = []
        self._begun = False

    @property
    def step_seconds(self) -> float | None:
        """Mean time of a step of this stage; None before the second one."""
        return max(sum(self._laps) / len(self._laps), 1e-6) if self._laps else None

    def begin(self, stage: Stage) -> None:
        """A stage begins."""
        self._stage, self._begun = stage, False
        self._laps, self._gaps = [], []

    def lap(self, step: int, steps: int, now: float) -> None:
        """Step ``step`` of ``steps`` in an epoch, counted from 1, is done at ``now``, in seconds of any clock."""
        taken, self._clock = now - self._clock, now
        if not self._begun:
            self._begun = True
        elif step > 1 or steps == 1:
            self._laps.append(taken)
        else:
            self._gaps.append(taken - (self.step_seconds or 0.0))

    def left(self, epoch: int, step: int, steps: int) -> float | None:
        """Seconds until all stages are done, after a step of an epoch, both counted from 1; None where it is not known yet."""
        taken = self.step_seconds
        if taken is None:
            return None
        known = self._gaps[1:]
        gap = sum(known) / len(known) if known else _JUDGED * self._share * steps * taken
        place = self._stages.index(self._stage)
        ended = sum(stage.epochs for stage in self._stages[: place + 1])
        later = self._stages[place + 1 :]
        work: float = (ended - epoch) * steps + steps - step
        work += sum(stage.epochs * steps * stage.cost / self._stage.cost for stage in later)
        judged = ended - epoch + sum(stage.epochs for stage in later)
        return work * taken + (judged * gap if steps > 1 else 0.0)
