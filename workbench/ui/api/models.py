"""Endpoints for model versions and predictions."""

from collections.abc import Callable
from typing import Any, TypedDict

from gradio import FileData

from storage.core.errors import DomainError
from storage.records import Version
from storage.training.registry import MANIFEST, PRODUCTION, Registry, is_version_name
from workbench.charts import VersionMetrics, comparison_sentence
from workbench.core import validation
from workbench.imaging.memory_budget import PATIENCE
from workbench.importing.uploads import sources
from workbench.services import Services
from workbench.serving.batch import predict_files_csv
from workbench.serving.service import MODEL_FILE
from workbench.ui.api import ACTOR
from workbench.ui.api.answers import answer
from workbench.ui.api.arguments import require_actor
from workbench.ui.file_transfer import read_upload, to_file_data, uploads, using_uploads

MODEL_FILES = (MODEL_FILE, "model.keras", MANIFEST)
NO_ALIAS = "version must be a version such as v3, and no alias: a version is deleted by its own name."
INVALID_ALIAS = "alias must have 1 to 40 letters, digits or hyphens, and not look like a version (v3)."


class Model(TypedDict):
    """A model version."""

    version: str
    aliases: list[str]
    architecture: str
    classes: list[str]
    metrics: dict[str, Any]
    snapshot: str
    run_id: int
    created_at: str


class Models(TypedDict):
    """All model versions, newest first."""

    models: list[Model]


class AliasMove(TypedDict):
    """One move of an alias."""

    alias: str
    version: str
    previous: str | None
    reason: str
    actor: str
    created_at: str


class AliasHistory(TypedDict):
    """Every move of an alias, newest first."""

    history: list[AliasMove]


class Deleted(TypedDict):
    """The version that is gone, and those that are left, newest first."""

    deleted: str
    versions: list[str]


class Comparison(TypedDict):
    """Two versions side by side; ``same_pictures`` says whether both were judged by the same ones."""

    first: Model
    second: Model
    same_pictures: bool
    sentence: str


class Answer(TypedDict):
    """What a model version says of a picture."""

    label: str
    confidence: float
    scores: dict[str, float]
    needs_review: bool
    version: str
    prediction_id: int | None


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""
    return [
        *_alias_endpoints(services.stores.registry),
        *_version_endpoints(services.stores.registry),
        *_prediction_endpoints(services),
    ]


def _alias_endpoints(registry: Registry) -> list[Callable[..., Any]]:

    def list_models() -> Models:
        """List all model versions with their metrics, aliases and snapshot, newest first."""
        return Models(models=[_model(version) for version in registry.versions()])

    def promote(version: str, alias: str = PRODUCTION, reason: str = "", by: str = ACTOR) -> AliasHistory:
        """Point an alias at a model version, and give the alias's history, newest first.

        Args:
            version: A version such as v3.
            alias: The alias; /predict uses production unless told otherwise.
            reason: Why, for the history.
            by: Who the history says did it.
        """
        registry.promote(
            _require_model_name("version", version),
            _require_alias(alias),
            str(reason)[:500],
            require_actor(by),
        )
        return AliasHistory(history=[answer(AliasMove, event) for event in registry.history(alias)])

    def alias_history(alias: str = PRODUCTION) -> AliasHistory:
        """Give every move of an alias, newest first.

        Args:
            alias: The alias.
        """
        return AliasHistory(
            history=[answer(AliasMove, event) for event in registry.history(_require_alias(alias))]
        )

    return [list_models, promote, alias_history]


def _version_endpoints(registry: Registry) -> list[Callable[..., Any]]:
    def download_model(version: str, file: str = MODEL_FILES[0]) -> FileData:
        """Give a file of a model version, checked against its hash.

        Args:
            version: A version such as v3, or an alias.
            file: model.tflite (LiteRT), model.keras, or manifest.json.
        """
        chosen = registry.get(_require_model_name("version", version))
        path = registry.file(chosen, validation.choice("file", file, MODEL_FILES))
        return to_file_data(path.read_bytes(), f"{chosen.name}-{file}")

    def delete_model(version: str) -> Deleted:
        """Delete a model version that no alias points to. Its files are gone for good; its number is not used again.

        Args:
            version: A version such as v3.
        """
        name = _require_model_name("version", version)
        if not is_version_name(name):
            raise DomainError(NO_ALIAS)
        registry.delete(name)
        return Deleted(deleted=name, versions=[version.name for version in registry.versions()])

    def compare_models(first: str, second: str) -> Comparison:
        """Compare two model versions by their validation metrics, with the result in a sentence.

        Args:
            first: A version such as v3, or an alias.
            second: A version such as v3, or an alias.
        """
        pair = [
            registry.get(_require_model_name(name, value))
            for name, value in (("first", first), ("second", second))
        ]
        metrics = [VersionMetrics(version.name, version.manifest["metrics"]) for version in pair]
        return Comparison(
            first=_model(pair[0]),
            second=_model(pair[1]),
            same_pictures=pair[0].snapshot_id == pair[1].snapshot_id,
            sentence=comparison_sentence(*metrics),
        )

    return [download_model, delete_model, compare_models]


def _prediction_endpoints(services: Services) -> list[Callable[..., Any]]:
    predictor = services.predictor

    def predict(image: FileData, model: str = PRODUCTION) -> Answer:
        """Classify one picture.

        Args:
            image: An uploaded picture.
            model: A version such as v3, or an alias. While no version is in production, the newest one answers for it.
        """
        data = read_upload(image, services.settings.limits)
        return answer(Answer, predictor.predict(data, _require_model_name("model", model), PATIENCE))

    def predict_batch(files: list[FileData], model: str = PRODUCTION) -> FileData:
        """Classify many pictures; gives a CSV file with one row a picture.

        Args:
            files: Uploaded pictures and/or zips.
            model: A version such as v3, or an alias. While no version is in production, the newest one answers for it.
        """
        uploaded = uploads(files)
        with using_uploads(uploaded):
            text = predict_files_csv(
                predictor, sources(uploaded, services.settings.limits), _require_model_name("model", model)
            )
        return to_file_data(text.encode("utf-8-sig"), "predictions.csv")

    return [predict, predict_batch]


def _model(version: Version) -> Model:
    manifest = version.manifest
    figures = {name: manifest[name] for name in ("classes", "metrics", "snapshot")}
    architecture = manifest["spec"]["architecture"]
    return answer(Model, version, version=version.name, architecture=architecture, **figures)


def _require_model_name(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise DomainError(f"{name} must be a version such as v3, or an alias such as {PRODUCTION}.")
    return value


def _require_alias(value: Any) -> str:
    name = value if isinstance(value, str) else ""
    if not (
        name.isascii() and name.replace("-", "").isalnum() and len(name) <= 40 and not is_version_name(name)
    ):
        raise DomainError(INVALID_ALIAS)
    return name
