"""What was found of operations, kept with what it was made from, so that it is not found twice."""

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
    """What is known of one version.

    Attributes:
        source: The version, its manifest's hash and its snapshot's.
        pictures: How many pictures it was tried on, None before it was.
        tallies: By operation and strength, oldest first.
    """

    source: tuple[str, str, str]
    pictures: int | None = None
    tallies: Mapping[Setting, MisreadTally] = field(default_factory=dict)

    def missing(self, augmentation: Augmentation) -> list[Setting]:
        """What is not known yet of an augmentation, what runs first."""
        named = [(o.name, augmentation.settings[o.name]) for o in OPERATIONS]
        named.sort(key=lambda each: not each[1].enabled)
        wanted = [(name, setting.strength) for name, setting in named if setting.strength > 0]
        return [each for each in wanted if each not in self.tallies]

    def of(self, augmentation: Augmentation) -> dict[str, MisreadTally]:
        """What is known of an augmentation, by operation, whether it runs or not."""
        settings = {name: (name, each.strength) for name, each in augmentation.settings.items()}
        return {name: self.tallies[key] for name, key in settings.items() if key in self.tallies}


def source(version: Version) -> tuple[str, str, str]:
    """What findings about a version are made from."""
    return version.name, version.manifest_sha256, str(version.manifest.get("snapshot", version.snapshot_id))


def read_findings(preferences: KeyValue, version: Version) -> SafetyResults:
    """What is known of a version; nothing where the findings are of another one."""
    kept = preferences.get(KEPT, {})
    wanted = source(version)
    if tuple(kept.get("source", ())) != wanted:
        return SafetyResults(wanted)
    tallies = [MisreadTally(**each) for each in kept["tallies"]]
    return SafetyResults(
        wanted, kept["pictures"], {(tally.operation, tally.strength): tally for tally in tallies}
    )


def write_findings(preferences: KeyValue, findings: SafetyResults) -> None:
    """Keep findings instead of the earlier ones."""
    tallies = [tally.to_dict() for tally in findings.tallies.values()][-MOST_KEPT:]
    preferences.set(KEPT, {"source": findings.source, "pictures": findings.pictures, "tallies": tallies})


_KEPT = "augmentation marks"


def marks(preferences: KeyValue) -> dict[str, str]:
    """The words for each operation that was switched off for a variant, by its name."""
    found: dict[str, str] = preferences.get(_KEPT, {})
    return found


def mark(preferences: KeyValue, operation: str, words: str) -> None:
    """Remember the variant for which an operation was switched off; no words forget it."""
    others = {name: kept for name, kept in marks(preferences).items() if name != operation}
    preferences.set(_KEPT, {**others, operation: words} if words else others)
