"""The recipe ``best``: a search over the other recipes within a time limit. Imports TensorFlow inside functions only.

The search runs in one process; its trials are executed by a :class:`workbench.training.search.trial.TrialExecutor`, in this process
or on a cluster. Candidates are compared on folds of the training split only; the validation split is used once the search is
finished, so that its metrics are not biased by the selection. The best candidate, or the two whose mean is better than either, is
then trained on the whole training split.
"""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.backbones.definitions import BACKBONES
from workbench.backbones.weights import weights_state
from workbench.core.errors import StoppedEarly, TrainingFailed
from workbench.training.dataset import Dataset
from workbench.training.reporter import Reporter, RunPaths, TrialRecord
from workbench.training.search.candidates import Candidate, candidates, expected_seconds
from workbench.training.search.search_state import SearchDecision, SearchState, fingerprint
from workbench.training.search.successive_halving import (
    RUNGS,
    FoldPredictions,
    Leaderboard,
    better_half,
    inner_folds,
    makespan_bound,
)
from workbench.training.search.trial import TrialExecutor, TrialReporter, TrialResult, TrialTask
from workbench.training.spec import TrainingSpec

if TYPE_CHECKING:
    from workbench.training.engine.train import Artefacts

log = logging.getLogger("search")
EXPORT_SECONDS = 15.0
_FULL_SPLIT_FACTOR = 1.3
_MIN_TRAINING_SECONDS = 15.0
_MAX_MINUTES = 1440.0
_KEPT_CHECKPOINTS = 3
_FINALISTS = 2


def search(
    dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths, executor: TrialExecutor
) -> Artefacts:
    """Run the trials, select candidates, train and export the model, within ``spec.max_minutes``.

    Args:
        dataset: The pictures and their split.
        spec: Its seed, augmentation and class weights, among others, apply to every trial.
        reporter: Also receives the state of every trial. If a stop is requested, the best finished trial becomes the model.
        place: Folders of the run. Trials whose results are saved in ``place.checkpoints`` are not run again.
        executor: Runs the trials and the final training.

    Raises:
        TrainingFailed: No trial could be trained.
        StoppedEarly: A stop was requested before the first trial was finished.
        Paused: A pause was requested.
    """
    run = _Search(dataset, spec, reporter, place, executor)
    try:
        artefacts = run.run_search()
    finally:
        run.state.write()
    return replace(artefacts, trials=run.trials)


class _Search:
    def __init__(
        self,
        dataset: Dataset,
        spec: TrainingSpec,
        reporter: Reporter,
        place: RunPaths,
        executor: TrialExecutor,
    ) -> None:
        self._dataset, self._reporter, self._place, self._executor = dataset, reporter, place, executor
        weights_status = weights_state(BACKBONES[spec.architecture], place.weights)
        self._candidates: Sequence[Candidate] = candidates(
            spec, weights_status.present, len(dataset.indices("train"))
        )
        self._all_numbers = range(len(self._candidates))
        self._folds = inner_folds(dataset, spec.seed)
        truth = [fold.labels[fold.indices("validation")] for fold in self._folds]
        self._leaderboard = Leaderboard(truth, len(dataset.classes))
        search_fingerprint = fingerprint(dataset, spec, [candidate.spec for candidate in self._candidates])
        self.state = SearchState(place.checkpoints, search_fingerprint, self._leaderboard, executor.clock)
        self._budget = 60 * spec.max_minutes or math.inf
        self._records: dict[int, TrialRecord] = {}
        self._running: list[int] = []

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """The state of every trial, by number."""
        return tuple(self._records[number] for number in sorted(self._records))

    def run_search(self) -> Artefacts:
        """Run the trials, select candidates and train the model."""
        self._reporter.phase("searching")
        for number in self._all_numbers:
            self._report_trial(number, "waiting")
        try:
            if self.state.decision is None:
                self.state.decision = self._decide(self._run_rungs())
                self.state.write()
            self._report_decision(self.state.decision)
            return self._train_final(self.state.decision)
        except StoppedEarly:
            return self._best_trial_model()

    def _run_rungs(self) -> list[int]:
        """Run successive halving; returns the remaining candidates when all rungs are done or the time is used up."""
        remaining, folds_done = list(self._all_numbers), 0
        for rung in RUNGS:
            for fold in range(folds_done, min(rung, len(self._folds))):
                affordable = self._within_budget(remaining, fold) if fold else remaining
                if fold and len(affordable) < _FINALISTS:
                    return remaining[:_FINALISTS]
                self._run_trials(affordable, fold)
                remaining = self._leaderboard.ranked(affordable)
                if any(self._leaderboard.folds(number) <= fold for number in remaining):
                    return remaining[:_FINALISTS]
            folds_done = rung
            remaining = self._keep_better_half(remaining)
        return remaining

    def _within_budget(self, ranked: list[int], fold: int) -> list[int]:
        """The best candidates, as many as can be evaluated on another fold within the time limit."""
        affordable = list(ranked)
        while affordable and not self._fits_budget(
            [number for number in affordable if self._leaderboard.folds(number) <= fold], affordable
        ):
            affordable.pop()
        for number in ranked[max(_FINALISTS, len(affordable)) :]:
            self._report_trial(number, "dropped")
        return affordable

    def _keep_better_half(self, ranked: list[int]) -> list[int]:
        better = better_half(ranked)
        for number in set(self._all_numbers) - set(better) - self._leaderboard.failed:
            self._report_trial(number, "dropped")
        return better

    def _fits_budget(self, numbers: Sequence[int], remaining: Sequence[int]) -> bool:
        """Whether the remaining time suffices to evaluate ``numbers`` once more and then train and export the two slowest of the rest."""
        costs, slowness = self._costs, self._slowness
        evaluation_seconds = makespan_bound(
            [self._leaderboard.seconds(number, costs) for number in numbers], self._executor.count
        )
        # Features are cached by then, so their computation is not included.
        fold_seconds = {
            number: self._leaderboard.seconds(number, costs)
            if self._leaderboard.folds(number)
            else self._candidates[number].cost * slowness
            for number in {*numbers, *remaining}
        }
        slowest = sorted(fold_seconds.values())[-_FINALISTS:]
        final_seconds = _FULL_SPLIT_FACTOR * sum(slowest) + self._export_seconds * len(slowest)
        return self.state.seconds + evaluation_seconds + final_seconds <= self._budget

    @property
    def _costs(self) -> dict[int, float]:
        return expected_seconds(self._candidates, self._leaderboard.fold_predictions)

    @property
    def _slowness(self) -> float:
        return self._leaderboard.slowness(self._costs)

    @property
    def _export_seconds(self) -> float:
        return EXPORT_SECONDS * max(1.0, self._slowness)

    def _run_trials(self, numbers: Sequence[int], fold: int) -> None:
        def time_is_up() -> bool:
            evaluated = [number for number in numbers if self._leaderboard.folds(number)]
            return bool(evaluated) and not self._fits_budget([], evaluated)

        for trial, outcome in self._executor.run_trials(
            self._next_trials(numbers, fold), self._trial_reporter, time_is_up
        ):
            self._running.remove(trial.number)
            self._record_result(trial.number, fold, outcome)

    def _next_trials(self, numbers: Sequence[int], fold: int) -> Iterator[TrialTask]:
        """Trials of candidates to evaluate on a fold, as long as there is time to start the next one."""
        leaderboard = self._leaderboard
        for number in numbers:
            if number in leaderboard.failed or leaderboard.folds(number) > fold:
                self._report_trial(number, "failed" if number in leaderboard.failed else "waiting")
            elif fold == 0 and not self._fits_budget(
                [number, *self._running], list(leaderboard.fold_predictions)
            ):
                log.info("there is no time for “%s”", self._candidates[number].name)
            else:
                self._running.append(number)
                self._report_trial(number, "running")
                yield TrialTask(
                    number, self._folds[fold], self._candidates[number].spec, self._trial_paths(number, fold)
                )

    def _trial_reporter(self) -> TrialReporter:
        return TrialReporter(self._reporter, "searching", self._remaining_seconds)

    def _record_result(self, number: int, fold: int, outcome: TrialResult) -> None:
        leaderboard, name = self._leaderboard, self._candidates[number].name
        if isinstance(outcome, FoldPredictions):
            leaderboard.fold_predictions.setdefault(number, []).append(outcome)
        elif outcome is None:
            log.info("“%s” was given up", name)
        else:
            log.warning("“%s” could not be trained: %s", name, outcome)
            leaderboard.failed.add(number)
            leaderboard.fold_predictions.pop(number, None)
        if outcome is not None:
            self._delete_unneeded_checkpoints(number, fold)
            self.state.write()
        self._report_trial(number, "failed" if number in leaderboard.failed else "waiting")

    def _trial_paths(self, number: int, fold: int) -> RunPaths:
        return replace(self._place, checkpoints=self._place.checkpoints / f"try-{number + 1}-fold-{fold + 1}")

    def _delete_unneeded_checkpoints(self, number: int, fold: int) -> None:
        """Delete the checkpoints of trials, except those on the first fold of the ``_KEPT_CHECKPOINTS`` best candidates."""
        if fold:
            shutil.rmtree(self._trial_paths(number, fold).checkpoints, ignore_errors=True)
        for other in self._leaderboard.ranked(list(self._all_numbers))[_KEPT_CHECKPOINTS:]:
            shutil.rmtree(self._trial_paths(other, 0).checkpoints, ignore_errors=True)

    def _decide(self, remaining: Sequence[int]) -> SearchDecision:
        numbers = self._leaderboard.chosen(remaining)
        if not numbers:
            trainable = [number for number in self._all_numbers if number not in self._leaderboard.failed]
            if not trainable:
                raise TrainingFailed("None of the tries could be trained; the log says why.")
            numbers = trainable[:1]
        seconds = self._remaining_seconds() - self._export_seconds * (2 * len(numbers) - 1)
        minutes = max(seconds, _MIN_TRAINING_SECONDS) / 60 / len(numbers)
        return SearchDecision(numbers, minutes if math.isfinite(minutes) else 0.0)

    def _train_final(self, decision: SearchDecision) -> Artefacts:
        """Train the selected candidates on the whole training split and average them if there are several."""
        if len(decision.numbers) == 1:
            return self._train_member(decision, 0, self._place.model)
        members: list[Artefacts] = []
        for position in range(len(decision.numbers)):
            folder = self._place.checkpoints / f"member-{position + 1}" / "model"
            try:
                members.append(self._train_member(decision, position, folder))
            except StoppedEarly:
                if not members:
                    raise
            if members[-1].stopped or self._reporter.requested_action() == "stop":
                shutil.copytree(members[0].folder, self._place.model, dirs_exist_ok=True)
                return replace(members[0], folder=self._place.model, stopped=True)
        from workbench.training.engine.averaged import export_mean

        self._reporter.phase("exporting")
        return export_mean(members, self._dataset, self._place.model)

    def _train_member(self, decision: SearchDecision, position: int, model: Path) -> Artefacts:
        """Train one selected candidate; only the epochs of the first are reported as epochs of the run."""
        spec = replace(
            self._candidates[decision.numbers[position]].spec, max_minutes=min(decision.minutes, _MAX_MINUTES)
        )
        checkpoints = self._place.checkpoints / f"member-{position + 1}" / "checkpoints"
        place = replace(self._place, model=model, checkpoints=checkpoints)
        reporter = (
            TrialReporter(self._reporter, "training", self._remaining_seconds) if position else self._reporter
        )
        return self._executor.train(self._dataset, spec, reporter, place)

    def _best_trial_model(self) -> Artefacts:
        """After a stop request: export the best finished trial, which was trained on one fold's part of the training split only."""
        from workbench.training.engine.averaged import predict_again

        for number in self._leaderboard.ranked(list(self._all_numbers)):
            place = self._trial_paths(number, 0)
            if place.checkpoints.is_dir():
                self._report_decision(SearchDecision([number], 0.0))
                trial_reporter = TrialReporter(
                    self._reporter, "exporting", self._remaining_seconds, ignore_requests=True
                )
                artefacts = self._executor.train(
                    self._folds[0], self._candidates[number].spec, trial_reporter, place
                )
                return replace(predict_again(artefacts, self._dataset), stopped=True)
        raise StoppedEarly

    def _remaining_seconds(self) -> float:
        return self._budget - self.state.seconds

    def _report_decision(self, decision: SearchDecision) -> None:
        """Report the final state of every trial, and of the mean if it is the model."""
        for number, record in list(self._records.items()):
            if number in self._leaderboard.failed:
                self._report_trial(number, "failed")
            elif record.status in {"waiting", "running"} or number in decision.numbers:
                evaluated = self._leaderboard.folds(number) > 0
                chosen = decision.numbers == [number]
                self._report_trial(number, "finished" if evaluated or chosen else "dropped", chosen=chosen)
        if len(decision.numbers) > 1:
            names = " and ".join(str(number + 1) for number in decision.numbers)
            common_folds = min(self._leaderboard.folds(number) for number in decision.numbers)
            self._publish(
                TrialRecord(
                    number=len(self._candidates) + 1,
                    name=f"The mean of {names}",
                    spec={
                        "mean_of": [self._candidates[number].spec.to_dict() for number in decision.numbers]
                    },
                    status="finished",
                    metrics={**self._metrics(decision.numbers, common_folds), "chosen": True},
                    seconds=0.0,
                )
            )

    def _report_trial(self, number: int, status: str, chosen: bool = False) -> None:
        candidate, folds = self._candidates[number], self._leaderboard.folds(number)
        metrics = self._metrics([number], folds) if folds else {}
        seconds = sum(fold.seconds for fold in self._leaderboard.fold_predictions.get(number, ()))
        chosen_flag = {"chosen": True} if chosen else {}
        values = (candidate.spec.to_dict(), status, {**metrics, **chosen_flag}, seconds)
        self._publish(TrialRecord(number + 1, candidate.name, *values))

    def _metrics(self, numbers: Sequence[int], folds: int) -> dict[str, float]:
        return {
            "macro_f1": self._leaderboard.score(numbers, folds),
            "accuracy": self._leaderboard.accuracy(numbers, folds),
            "folds": folds,
        }

    def _publish(self, record: TrialRecord) -> None:
        if self._records.get(record.number - 1) != record:
            self._records[record.number - 1] = record
            self._reporter.trial(record)
