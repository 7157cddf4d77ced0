"""Training speed and estimated remaining time. Imported by the worker process only."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.training.engine.recipe import Stage

_VALIDATION_COST = 0.6  # duration of a validation prediction (picture and mirror image) relative to a training step per picture


class EtaEstimator:
    """Measures the duration of training steps and of the gaps between epochs, in which validation runs.

    The first step of a stage is excluded, since it includes graph tracing, and so is the first gap.
    """

    def __init__(self, stages: Sequence[Stage], validation_ratio: float) -> None:
        """Time some stages; ``validation_ratio`` is the ratio of validation to training pictures."""
        self._stages = stages
        self._validation_ratio = validation_ratio
        self._stage = stages[0]
        self._last_time = 0.0
        self._step_times: list[float] = []
        self._gap_times: list[float] = []
        self._first_step_done = False

    @property
    def step_seconds(self) -> float | None:
        """Mean duration of a step of this stage in seconds; None before the second step."""
        return max(sum(self._step_times) / len(self._step_times), 1e-6) if self._step_times else None

    def begin(self, stage: Stage) -> None:
        """Start timing a stage."""
        self._stage, self._first_step_done = stage, False
        self._step_times, self._gap_times = [], []

    def record_step(self, step: int, steps: int, now: float) -> None:
        """Record that step ``step`` of ``steps`` in an epoch, counted from 1, finished at ``now``, in seconds of a monotonic clock."""
        elapsed, self._last_time = now - self._last_time, now
        if not self._first_step_done:
            self._first_step_done = True
        elif step > 1 or steps == 1:
            self._step_times.append(elapsed)
        else:
            self._gap_times.append(elapsed - (self.step_seconds or 0.0))

    def left(self, epoch: int, step: int, steps: int) -> float | None:
        """Estimated seconds until all stages are done, after a step of an epoch, both counted from 1; None before the second step."""
        step_seconds = self.step_seconds
        if step_seconds is None:
            return None
        gap_times = self._gap_times[1:]
        gap = (
            sum(gap_times) / len(gap_times)
            if gap_times
            else _VALIDATION_COST * self._validation_ratio * steps * step_seconds
        )
        stage_index = self._stages.index(self._stage)
        stage_end = sum(stage.epochs for stage in self._stages[: stage_index + 1])
        later = self._stages[stage_index + 1 :]
        remaining_steps: float = (stage_end - epoch) * steps + steps - step
        remaining_steps += sum(stage.epochs * steps * stage.cost / self._stage.cost for stage in later)
        remaining_gaps = stage_end - epoch + sum(stage.epochs for stage in later)
        return remaining_steps * step_seconds + (remaining_gaps * gap if steps > 1 else 0.0)
