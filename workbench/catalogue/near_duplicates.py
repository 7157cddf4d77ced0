"""Groups of pictures that look alike, and what becomes of them."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from storage.catalogue.curation_queries import CurationQueries, DuplicateCandidate
from storage.core.errors import Conflict, DomainError
from storage.journal.image_edits import Done, ImageEdits
from workbench.imaging.phash import groups


@dataclass(frozen=True)
class DuplicateGroup:
    """Near-duplicates as the split sees them (:func:`workbench.imaging.phash.groups`); the first is the best one to keep.

    ``shares`` is how many of them have each class, by its id (0 where they have none), the commonest first.
    """

    image_ids: tuple[int, ...]
    shares: tuple[tuple[int, int], ...]

    @property
    def classes(self) -> int:
        """How many classes they have; more than one is often a label error."""
        return sum(class_id > 0 for class_id, _ in self.shares)

    @property
    def mixed(self) -> bool:
        """Whether the pictures have different classes."""
        return self.classes > 1


@dataclass(frozen=True)
class OpenDuplicates:
    """The groups that are open: mixed ones first, then the largest.

    Attributes:
        groups: What nobody has settled yet.
        settled: How many groups were kept whole.
    """

    groups: tuple[DuplicateGroup, ...]
    settled: int

    @property
    def pictures(self) -> int:
        """Pictures in all open groups."""
        return sum(len(group.image_ids) for group in self.groups)

    @property
    def spare(self) -> list[int]:
        """All but the best one of each group; groups of different classes are left out, for a person to look at."""
        return [image_id for group in self.groups if not group.mixed for image_id in group.image_ids[1:]]


class NearDuplicates:
    """Finds near-duplicates once for a state of the catalogue, and settles them; each act is one event."""

    def __init__(self, curation: CurationQueries, edits: ImageEdits) -> None:
        self._curation = curation
        self._edits = edits
        self._lock = threading.Lock()
        self._newest = self._event = -1
        self._near: dict[int, list[int]] = {}
        self._number: dict[int, int] = {}
        self._parts: dict[int, OpenDuplicates] = {}
        self._found = OpenDuplicates((), 0)

    def found(self) -> OpenDuplicates:
        """All open groups.

        Hashes are compared again only when pictures came in since the last call, and after an act only the groups that
        it touched are looked at.
        """
        with self._lock:
            newest, event = self._curation.newest(), self._curation.last_event()
            if newest != self._newest:
                self._compare()
            elif event != self._event:
                touched = self._curation.touched(self._event)
                self._look_at({self._number[each] for each in touched if each in self._number})
            self._newest, self._event = newest, event
            return self._found

    def _compare(self) -> None:
        self._near = _near(*self._curation.hashes())
        self._number = {each: number for number, several in self._near.items() for each in several}
        self._parts = {}
        self._look_at(self._near)

    def _look_at(self, numbers: Collection[int]) -> None:
        if not numbers:
            return
        members: dict[int, list[DuplicateCandidate]] = {number: [] for number in numbers}
        for each in self._curation.members([each for number in numbers for each in self._near[number]]):
            members[self._number[each.id]].append(each)
        for number, present in members.items():
            self._parts[number] = _open(present, len(self._near[number]))
        found = [group for part in self._parts.values() for group in part.groups]
        found.sort(
            key=lambda each: (-each.classes if each.mixed else 0, -len(each.image_ids), each.image_ids)
        )
        self._found = OpenDuplicates(tuple(found), sum(part.settled for part in self._parts.values()))

    def keep_one(self, image_ids: Sequence[int], keep: int, actor: str) -> Done:
        """Keep one picture of a group; the others go to the bin.

        Raises:
            DomainError: ``keep`` is not among them, or there is no other.
            NotFound: A picture is not in the catalogue any more; nothing is changed.
        """
        others = [fromkey for fromkey in dict.fromkeys(image_ids) if fromkey != keep]
        if keep not in image_ids or not others:
            raise DomainError("Name the pictures of a group, and the one of them to keep.")
        return self._edits.archive(others, actor)

    def keep_all(self, image_ids: Sequence[int], actor: str) -> Done:
        """Keep all pictures of a group: it is not shown again until another picture joins it.

        Raises:
            DomainError: They are fewer than two.
            NotFound: A picture is not in the catalogue any more; nothing is changed.
        """
        if len(set(image_ids)) < 2:
            raise DomainError("A group has at least two pictures.")
        return self._edits.keep_alike(image_ids, actor)

    def keep_best(self, expected: int, actor: str) -> Done:
        """Keep the best picture of every group of one class; the others go to the bin.

        Raises:
            Conflict: The number that would go is not the one that was agreed to.
        """
        spare = self.found().spare
        if len(spare) != expected:
            raise Conflict(
                f"In the meantime the groups have changed: {len(spare):,} pictures would go to the bin, not {expected:,}. "
                "Nothing was changed; look at them again."
            )
        return self._edits.archive(spare, actor) if spare else (0, None)


def _near(image_ids: Sequence[int], hashes: Sequence[str]) -> dict[int, list[int]]:
    """The pictures of each group of several."""
    members: dict[int, list[int]] = defaultdict(list)
    for image_id, number in zip(image_ids, groups(hashes).tolist(), strict=True):
        members[number].append(image_id)
    return {number: several for number, several in members.items() if len(several) > 1}


def _open(present: Sequence[DuplicateCandidate], size: int) -> OpenDuplicates:
    """What is open of a group that has ``size`` pictures with those in the bin."""
    # Where a picture went to the bin, those that it joined may lie apart.
    parts = [present] if len(present) == size else _apart(present)
    several = [part for part in parts if len(part) > 1]
    open_ = [each for each in several if not _settled(each)]
    return OpenDuplicates(tuple(map(_group, open_)), len(several) - len(open_))


def _apart(present: Sequence[DuplicateCandidate]) -> list[list[DuplicateCandidate]]:
    if len(present) < 2:
        return []
    parts: dict[int, list[DuplicateCandidate]] = defaultdict(list)
    for member, number in zip(present, groups([each.phash for each in present]).tolist(), strict=True):
        parts[number].append(member)
    return list(parts.values())


def _settled(members: Sequence[DuplicateCandidate]) -> bool:
    return members[0].alike > 0 and all(member.alike == members[0].alike for member in members)


def _group(members: Sequence[DuplicateCandidate]) -> DuplicateGroup:
    # A label is work that is not to be lost; then what a camera took, then what shows most.
    best = sorted(members, key=lambda m: (not m.class_id, m.synthetic, -m.pixels, -m.sharpness, m.id))
    shares = Counter(member.class_id for member in members)
    return DuplicateGroup(tuple(each.id for each in best), tuple(shares.most_common()))
