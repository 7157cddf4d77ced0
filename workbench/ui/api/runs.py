"""Endpoints for the queue of runs, their logs and trials, and the available backbones."""

from collections.abc import Callable
from typing import Any, TypedDict

from storage.core.errors import DomainError
from storage.records import Run
from workbench.backbones.definitions import BACKBONES, Backbone
from workbench.backbones.weights import weights_state
from workbench.core import validation
from workbench.services import Services
from workbench.training.spec import BEST, FINE_TUNE, INSTANT, SCRATCH
from workbench.ui.api.answers import answer

NO_VERSION_NAME = "version must be a version such as v3."
MAX_RUNS = 500


class RunRow(TypedDict):
    """A run; ``place`` is its place among those that wait, 1 being the next, else 0."""

    run_id: int
    status: str
    place: int
    resumable: bool
    spec: dict[str, Any]
    version: str | None
    error: str | None
    created_at: str


class RunRows(TypedDict):
    """Runs that run, those that wait in their order, then the others, newest first."""

    runs: list[RunRow]


class Queued(TypedDict):
    """The run that waits now, and its status."""

    run_id: int
    status: str


class Log(TypedDict):
    """The last lines of a run's log."""

    log: str


class TrialRow(TypedDict):
    """A try of a search: waiting, running, finished, dropped or failed."""

    number: int
    name: str
    spec: dict[str, Any]
    status: str
    metrics: dict[str, Any]
    seconds: float


class TrialRows(TypedDict):
    """All tries of a search, in their order."""

    trials: list[TrialRow]


class Net(TypedDict):
    """A net; ``cost`` is the time for a picture as a multiple of that of MobileNetV2."""

    name: str
    label: str
    recipes: list[str]
    when: str
    licence: str
    megabytes: float
    cost: float
    weights_file: str
    weights_here: bool
    weights: str


class Nets(TypedDict):
    """All nets that a run can train."""

    backbones: list[Net]


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""
    return [*_queue_endpoints(services), *_read_endpoints(services)]


def _queue_endpoints(services: Services) -> list[Callable[..., Any]]:
    training = services.training

    def pause_training(run_id: int) -> Queued:
        """Ask a run to pause after its last finished epoch; /resume_training lets it go on.

        Args:
            run_id: The id that /start_training gave.
        """
        return _queued_run(training.pause(_require_id(run_id)))

    def resume_training(run_id: int) -> Queued:
        """Let a paused, failed, interrupted or stopped run go on from its last finished epoch.

        A stopped run has a model that never changes, so a new run goes on from it.

        Args:
            run_id: The id that /start_training gave.
        """
        return _queued_run(services.stores.runs.get(training.resume(_require_id(run_id))))

    def move_training(run_id: int, place: int = 1) -> RunRows:
        """Put a waiting run at another place, and give those that wait in their order.

        Args:
            run_id: The id that /start_training gave.
            place: Its place among those that wait, 1 being the next to start.
        """
        waiting = training.move(_require_id(run_id), validation.whole("place", place))
        return RunRows(runs=[_run_row(services, run, place) for place, run in enumerate(waiting, 1)])

    def train_again(version: str, new_labels: bool = False) -> Queued:
        """Queue a run with the settings of a model version.

        Args:
            version: A version such as v3.
            new_labels: Take the pictures as they are labelled now; by default those of the version, with the labels that they
                had then, so that the result is the same on the same machine.
        """
        if not isinstance(version, str) or not version:
            raise DomainError(NO_VERSION_NAME)
        start = training.start_like if validation.flag("new_labels", new_labels) else training.repeat
        return _queued_run(services.stores.runs.get(start(version)))

    return [pause_training, resume_training, move_training, train_again]


def _read_endpoints(services: Services) -> list[Callable[..., Any]]:
    stores = services.stores

    def list_runs(limit: int = 50) -> RunRows:
        """List runs: those that run, those that wait in their order, then the newest of the others.

        Args:
            limit: How many of the newest runs, 1 to 500.
        """
        recent = stores.runs.recent(validation.whole("limit", limit, 1, MAX_RUNS))
        active = stores.runs.active()
        waiting = [run.id for run in active if run.status == "queued"]
        places = {run_id: place for place, run_id in enumerate(waiting, 1)}
        others = [run for run in recent if not run.active]
        return RunRows(runs=[_run_row(services, run, places.get(run.id, 0)) for run in [*active, *others]])

    def run_log(run_id: int) -> Log:
        """Give the last lines of a run's log.

        Args:
            run_id: The id that /start_training gave.
        """
        return Log(log=services.training.log_tail(stores.runs.get(_require_id(run_id)).id))

    def run_trials(run_id: int) -> TrialRows:
        """Give what a run with the recipe "best" has tried.

        Args:
            run_id: The id that /start_training gave.
        """
        run = stores.runs.get(_require_id(run_id))
        return TrialRows(trials=[answer(TrialRow, trial) for trial in stores.trials.of(run.id)])

    def list_backbones() -> Nets:
        """List the nets with when to choose each, its licence, and whether its weights are here."""
        return Nets(backbones=[_net(backbone, services) for backbone in BACKBONES.values()])

    return [list_runs, run_log, run_trials, list_backbones]


def _require_id(run_id: Any) -> int:
    return validation.whole("run_id", run_id)


def _queued_run(run: Run) -> Queued:
    return answer(Queued, run, run_id=run.id)


def _run_row(services: Services, run: Run, place: int) -> RunRow:
    return answer(RunRow, run, run_id=run.id, place=place, resumable=services.training.resumable(run))


def _net(backbone: Backbone, services: Services) -> Net:
    state = weights_state(backbone, services.settings.weights_folder) if backbone.pretrained else None
    return answer(
        Net,
        backbone,
        recipes=[INSTANT, FINE_TUNE, BEST] if backbone.pretrained else [SCRATCH],
        when=backbone.sentence,
        weights_here=state.present if state else False,
        weights=state.sentence if state else "It needs none.",
    )
