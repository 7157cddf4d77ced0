"""The recipe that looks for the best of the others within a time. Imports TensorFlow in functions alone.

The search itself is light and runs in one process; its tries are carried out by :class:`workbench.training.search.trial.TrialExecutor`,
here or elsewhere. Candidates are compared on folds of the training side alone; the validation split of the dataset is asked when the search is
over, so that it still tells how good the model is. The winner, or the two whose mean is better than either, is then trained on
the whole training side.
"""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core.errors import StoppedEarly, TrainingFailed
from workbench.pretrained.backbones import BACKBONES
from workbench.pretrained.weights import weights_state
from workbench.training.dataset import Dataset
from workbench.training.reporter import Reporter, RunPaths, TrialRecord
from workbench.training.search.candidates import Candidate, candidates, expected
from workbench.training.search.search_state import SearchDecision, SearchState, fingerprint
from workbench.training.search.successive_halving import (
    RUNGS,
    FoldAnswers,
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
_WHOLE_SIDE = 1.3
_LEAST_SECONDS = 15.0
_MOST_MINUTES = 1440.0
_SPARE_MODELS = 3
_FINALISTS = 2


def search(
    dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths, hands: TrialExecutor
) -> Artefacts:
    """Try, choose, train and export, within ``spec.max_minutes``.

    Args:
        dataset: The pictures and their split.
        spec: Its seed, augmentation and class weights are those of every try.
        reporter: Hears of every try as well. Where a stop is asked for, the best finished try is the model.
        place: Its folders. Tries whose end is written in ``place.checkpoints`` are not run again.
        hands: Who trains.

    Raises:
        TrainingFailed: No try could be trained.
        StoppedEarly: A stop was asked for before the first try was finished.
        Paused: A pause was asked for.
    """
    run = _Search(dataset, spec, reporter, place, hands)
    try:
        made = run.carried_out()
    finally:
        run.diary.write()
    return replace(made, trials=run.trials)


class _Search:
    def __init__(
        self, dataset: Dataset, spec: TrainingSpec, reporter: Reporter, place: RunPaths, hands: TrialExecutor
    ) -> None:
        self._dataset, self._reporter, self._place, self._hands = dataset, reporter, place, hands
        state = weights_state(BACKBONES[spec.architecture], place.weights)
        self._tried: Sequence[Candidate] = candidates(spec, state.present, len(dataset.indices("train")))
        self._numbers = range(len(self._tried))
        self._folds = inner_folds(dataset, spec.seed)
        truth = [fold.labels[fold.indices("validation")] for fold in self._folds]
        self._standing = Leaderboard(truth, len(dataset.classes))
        known = fingerprint(dataset, spec, [each.spec for each in self._tried])
        self.diary = SearchState(place.checkpoints, known, self._standing)
        self._budget = 60 * spec.max_minutes or math.inf
        self._records: dict[int, TrialRecord] = {}
        self._in_hand: list[int] = []

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """Where every try stands, by number."""
        return tuple(self._records[number] for number in sorted(self._records))

    def carried_out(self) -> Artefacts:
        """Try, choose and train."""
        self._reporter.phase("searching")
        for number in self._numbers:
            self._tell(number, "waiting")
        try:
            if self.diary.decided is None:
                self.diary.decided = self._decided(self._alive())
                self.diary.write()
            self._tell_decided(self.diary.decided)
            return self._final(self.diary.decided)
        except StoppedEarly:
            return self._salvaged()

    def _alive(self) -> list[int]:
        """The candidates that are left when all rungs are done or time is."""
        alive, done = list(self._numbers), 0
        for until in RUNGS:
            for fold in range(done, min(until, len(self._folds))):
                going = self._afforded(alive, fold) if fold else alive
                if fold and len(going) < _FINALISTS:
                    return alive[:_FINALISTS]
                self._judge(going, fold)
                alive = self._standing.ranked(going)
                if any(self._standing.folds(number) <= fold for number in alive):
                    return alive[:_FINALISTS]
            done = until
            alive = self._halved(alive)
        return alive

    def _afforded(self, alive: list[int], fold: int) -> list[int]:
        """The best candidates, as many as there is time for on another fold."""
        going = list(alive)
        while going and not self._time_for([n for n in going if self._standing.folds(n) <= fold], going):
            going.pop()
        for number in alive[max(_FINALISTS, len(going)) :]:
            self._tell(number, "dropped")
        return going

    def _halved(self, ranked: list[int]) -> list[int]:
        kept = better_half(ranked)
        for number in set(self._numbers) - set(kept) - self._standing.failed:
            self._tell(number, "dropped")
        return kept

    def _time_for(self, numbers: Sequence[int], alive: Sequence[int]) -> bool:
        """Whether there is time to judge candidates once more, and then to train and export the two slowest that are left."""
        costs, slowness = self._costs, self._slowness
        needed = makespan_bound(
            [self._standing.seconds(number, costs) for number in numbers], self._hands.count
        )
        # By then the features are there.
        again = {
            number: self._standing.seconds(number, costs)
            if self._standing.folds(number)
            else self._tried[number].cost * slowness
            for number in {*numbers, *alive}
        }
        slowest = sorted(again.values())[-_FINALISTS:]
        last = _WHOLE_SIDE * sum(slowest) + self._export_seconds * len(slowest)
        return self.diary.seconds + needed + last <= self._budget

    @property
    def _costs(self) -> dict[int, float]:
        return expected(self._tried, self._standing.judged)

    @property
    def _slowness(self) -> float:
        return self._standing.slowness(self._costs)

    @property
    def _export_seconds(self) -> float:
        return EXPORT_SECONDS * max(1.0, self._slowness)

    def _judge(self, going: Sequence[int], fold: int) -> None:
        def time_is_up() -> bool:
            judged = [number for number in going if self._standing.folds(number)]
            return bool(judged) and not self._time_for([], judged)

        for each, said in self._hands.judge(self._tries(going, fold), self._listen, time_is_up):
            self._in_hand.remove(each.number)
            self._note(each.number, fold, said)

    def _tries(self, going: Sequence[int], fold: int) -> Iterator[TrialTask]:
        """Those that are to be judged on a fold, as long as there is time to begin with the next."""
        standing = self._standing
        for number in going:
            if number in standing.failed or standing.folds(number) > fold:
                self._tell(number, "failed" if number in standing.failed else "waiting")
            elif fold == 0 and not self._time_for([number, *self._in_hand], list(standing.judged)):
                log.info("there is no time for “%s”", self._tried[number].name)
            else:
                self._in_hand.append(number)
                self._tell(number, "running")
                yield TrialTask(
                    number, self._folds[fold], self._tried[number].spec, self._try_place(number, fold)
                )

    def _listen(self) -> TrialReporter:
        return TrialReporter(self._reporter, "searching", self._left)

    def _note(self, number: int, fold: int, said: TrialResult) -> None:
        standing, name = self._standing, self._tried[number].name
        if isinstance(said, FoldAnswers):
            standing.judged.setdefault(number, []).append(said)
        elif said is None:
            log.info("“%s” was given up", name)
        else:
            log.warning("“%s” could not be trained: %s", name, said)
            standing.failed.add(number)
            standing.judged.pop(number, None)
        if said is not None:
            self._cleared(number, fold)
            self.diary.write()
        self._tell(number, "failed" if number in standing.failed else "waiting")

    def _try_place(self, number: int, fold: int) -> RunPaths:
        return replace(self._place, checkpoints=self._place.checkpoints / f"try-{number + 1}-fold-{fold + 1}")

    def _cleared(self, number: int, fold: int) -> None:
        """What is needed to make a model of a try stays only of the best so far."""
        if fold:
            shutil.rmtree(self._try_place(number, fold).checkpoints, ignore_errors=True)
        for other in self._standing.ranked(list(self._numbers))[_SPARE_MODELS:]:
            shutil.rmtree(self._try_place(other, 0).checkpoints, ignore_errors=True)

    def _decided(self, alive: Sequence[int]) -> SearchDecision:
        numbers = self._standing.chosen(alive)
        if not numbers:
            sound = [number for number in self._numbers if number not in self._standing.failed]
            if not sound:
                raise TrainingFailed("None of the tries could be trained; the log says why.")
            numbers = sound[:1]
        left = self._left() - self._export_seconds * (2 * len(numbers) - 1)
        minutes = max(left, _LEAST_SECONDS) / 60 / len(numbers)
        return SearchDecision(numbers, minutes if math.isfinite(minutes) else 0.0)

    def _final(self, decided: SearchDecision) -> Artefacts:
        """The model, trained on the whole training side."""
        if len(decided.numbers) == 1:
            return self._member(decided, 0, self._place.model)
        found: list[Artefacts] = []
        for position in range(len(decided.numbers)):
            folder = self._place.checkpoints / f"member-{position + 1}" / "model"
            try:
                found.append(self._member(decided, position, folder))
            except StoppedEarly:
                if not found:
                    raise
            if found[-1].stopped or self._reporter.asked() == "stop":
                shutil.copytree(found[0].folder, self._place.model, dirs_exist_ok=True)
                return replace(found[0], folder=self._place.model, stopped=True)
        from workbench.training.engine.averaged import mean_of

        self._reporter.phase("exporting")
        return mean_of(found, self._dataset, self._place.model)

    def _member(self, decided: SearchDecision, position: int, model: Path) -> Artefacts:
        """One net of the model; the epochs of the first are those of the run."""
        spec = replace(
            self._tried[decided.numbers[position]].spec, max_minutes=min(decided.minutes, _MOST_MINUTES)
        )
        checkpoints = self._place.checkpoints / f"member-{position + 1}" / "checkpoints"
        place = replace(self._place, model=model, checkpoints=checkpoints)
        reporter = TrialReporter(self._reporter, "training", self._left) if position else self._reporter
        return self._hands.train(self._dataset, spec, reporter, place)

    def _salvaged(self) -> Artefacts:
        """The best finished try as it is, where a stop was asked for: it saw only a part of the training side."""
        from workbench.training.engine.averaged import asked_again

        for number in self._standing.ranked(list(self._numbers)):
            place = self._try_place(number, 0)
            if place.checkpoints.is_dir():
                self._tell_decided(SearchDecision([number], 0.0))
                trial_reporter = TrialReporter(self._reporter, "exporting", self._left, deaf=True)
                made = self._hands.train(self._folds[0], self._tried[number].spec, trial_reporter, place)
                return replace(asked_again(made, self._dataset), stopped=True)
        raise StoppedEarly

    def _left(self) -> float:
        return self._budget - self.diary.seconds

    def _tell_decided(self, decided: SearchDecision) -> None:
        """Say of every try what became of it, and of the mean where it is the model."""
        for number, record in list(self._records.items()):
            if number in self._standing.failed:
                self._tell(number, "failed")
            elif record.status in {"waiting", "running"} or number in decided.numbers:
                judged = self._standing.folds(number) > 0
                chosen = decided.numbers == [number]
                self._tell(number, "finished" if judged or chosen else "dropped", chosen=chosen)
        if len(decided.numbers) > 1:
            names = " and ".join(str(number + 1) for number in decided.numbers)
            common = min(self._standing.folds(number) for number in decided.numbers)
            self._say(
                TrialRecord(
                    number=len(self._tried) + 1,
                    name=f"The mean of {names}",
                    spec={"mean_of": [self._tried[number].spec.to_dict() for number in decided.numbers]},
                    status="finished",
                    metrics={**self._figures(decided.numbers, common), "chosen": True},
                    seconds=0.0,
                )
            )

    def _tell(self, number: int, status: str, chosen: bool = False) -> None:
        candidate, folds = self._tried[number], self._standing.folds(number)
        metrics = self._figures([number], folds) if folds else {}
        seconds = sum(each.seconds for each in self._standing.judged.get(number, ()))
        more = {"chosen": True} if chosen else {}
        told = (candidate.spec.to_dict(), status, {**metrics, **more}, seconds)
        self._say(TrialRecord(number + 1, candidate.name, *told))

    def _figures(self, numbers: Sequence[int], folds: int) -> dict[str, float]:
        return {
            "macro_f1": self._standing.score(numbers, folds),
            "accuracy": self._standing.accuracy(numbers, folds),
            "folds": folds,
        }

    def _say(self, record: TrialRecord) -> None:
        if self._records.get(record.number - 1) != record:
            self._records[record.number - 1] = record
            self._reporter.trial(record)
