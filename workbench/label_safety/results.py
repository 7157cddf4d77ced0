"""Stored results of the label-safety check, together with the model version and snapshot that they are valid for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from storage.core.key_value import KeyValue
from storage.records import Version
from workbench.imaging.augmentation import OPERATIONS, Augmentation
from workbench.label_safety.misread_rate import MisreadTally

KEPT = "label safety"
MOST_KEPT = 200
Setting = tuple[str, float]


@dataclass(frozen=True)
class SafetyResults:
    """Results for one model version.

    Attributes:
        source: Name of the version, hash of its manifest, and hash of its snapshot.
        pictures: Number of pictures used, None before the first check.
        tallies: Results by operation and strength, oldest first.
    """

    source: tuple[str, str, str]
    pictures: int | None = None
    tallies: Mapping[Setting, MisreadTally] = field(default_factory=dict)

    def missing(self, augmentation: Augmentation) -> list[Setting]:
        """Settings of an augmentation that are not checked yet, enabled operations first."""
        named = [(o.name, augmentation.settings[o.name]) for o in OPERATIONS]
        named.sort(key=lambda named_setting: not named_setting[1].enabled)
        wanted = [(name, setting.strength) for name, setting in named if setting.strength > 0]
        return [key for key in wanted if key not in self.tallies]

    def of(self, augmentation: Augmentation) -> dict[str, MisreadTally]:
        """Results for the settings of an augmentation by operation, including disabled operations."""
        settings = {name: (name, setting.strength) for name, setting in augmentation.settings.items()}
        return {name: self.tallies[key] for name, key in settings.items() if key in self.tallies}


def source(version: Version) -> tuple[str, str, str]:
    """Identity of a version's model and data, see :attr:`SafetyResults.source`."""
    return version.name, version.manifest_sha256, str(version.manifest.get("snapshot", version.snapshot_id))


def read_findings(preferences: KeyValue, version: Version) -> SafetyResults:
    """Read the results for a version; empty if the stored ones belong to another version."""
    stored = preferences.get(KEPT, {})
    expected_source = source(version)
    if tuple(stored.get("source", ())) != expected_source:
        return SafetyResults(expected_source)
    tallies = [MisreadTally(**fields) for fields in stored["tallies"]]
    return SafetyResults(
        expected_source, stored["pictures"], {(tally.operation, tally.strength): tally for tally in tallies}
    )


def write_findings(preferences: KeyValue, findings: SafetyResults) -> None:
    """Store results, replacing earlier ones; at most the ``MOST_KEPT`` newest are kept."""
    tallies = [tally.to_dict() for tally in findings.tallies.values()][-MOST_KEPT:]
    preferences.set(KEPT, {"source": findings.source, "pictures": findings.pictures, "tallies": tallies})


_MARKS_KEY = "augmentation marks"


def marks(preferences: KeyValue) -> dict[str, str]:
    """Description of the variant for which each operation was switched off, by operation name."""
    stored: dict[str, str] = preferences.get(_MARKS_KEY, {})
    return stored


def mark(preferences: KeyValue, operation: str, description: str) -> None:
    """Store the description of the variant for which an operation was switched off; an empty one deletes it."""
    other_marks = {name: text for name, text in marks(preferences).items() if name != operation}
    preferences.set(_MARKS_KEY, {**other_marks, operation: description} if description else other_marks)
