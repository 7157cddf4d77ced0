"""Review of near-duplicate groups."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from storage.catalogue.curation_queries import CurationQueries, DuplicateCandidate
from storage.core.errors import Conflict, DomainError
from storage.journal.image_edits import Done, ImageEdits
from workbench.imaging.phash import groups

NO_GROUP = "Name the pictures of a group, and the one of them to keep."
TOO_FEW = "A group has at least two pictures."
GROUPS_CHANGED = (
    "In the meantime the groups have changed: {spare:,} pictures would go to the bin, not {expected:,}. "
    "Nothing was changed; look at them again."
)


@dataclass(frozen=True)
class DuplicateGroup:
    """A group of near-duplicates, grouped as for the split (:func:`workbench.imaging.phash.groups`).

    Attributes:
        image_ids: The pictures; the first is the best one to keep.
        shares: Pairs of class id (0 for unlabelled) and number of pictures, most common first.
    """

    image_ids: tuple[int, ...]
    shares: tuple[tuple[int, int], ...]

    @property
    def classes(self) -> int:
        """The number of different classes; more than one often indicates a label error."""
        return sum(class_id > 0 for class_id, _ in self.shares)

    @property
    def mixed(self) -> bool:
        """Whether the pictures have different classes."""
        return self.classes > 1


@dataclass(frozen=True)
class OpenDuplicates:
    """The unresolved groups.

    Attributes:
        groups: Unresolved groups; those with several classes first, then the largest.
        settled: Number of groups that a user decided to keep whole.
    """

    groups: tuple[DuplicateGroup, ...]
    settled: int

    @property
    def pictures(self) -> int:
        """Number of pictures in all unresolved groups."""
        return sum(len(group.image_ids) for group in self.groups)

    @property
    def spare(self) -> list[int]:
        """All pictures but the best one of each group; groups with several classes are excluded for manual review."""
        return [image_id for group in self.groups if not group.mixed for image_id in group.image_ids[1:]]


class NearDuplicates:
    """Finds near-duplicates, cached per state of the catalogue, and resolves them with one journal event per action.

    Groups are kept in memory, not in the database: :func:`groups` takes 1 to 2 s for 100,000 hashes of mostly different
    pictures and 0.2 s for 10,000, only at the first look after an import or a start. A snapshot and the model's help group other pictures, so that
    groups of the whole catalogue would not serve them; and a new picture can divide a group of others as well as join it.
    What happens at every look is quick: a change renews the groups it touches in 0.03 s, not all 10,000 in 0.4 s.
    """

    def __init__(self, curation: CurationQueries, edits: ImageEdits) -> None:
        self._curation = curation
        self._edits = edits
        self._lock = threading.Lock()
        self._newest_image = self._last_event = -1
        self._ids_by_group: dict[int, list[int]] = {}
        self._group_numbers: dict[int, int] = {}
        self._open_by_number: dict[int, OpenDuplicates] = {}
        self._open_groups = OpenDuplicates((), 0)

    def unresolved(self) -> OpenDuplicates:
        """All unresolved groups.

        Hashes are compared again only if pictures were added since the last call; otherwise only the groups that were
        changed by journal events since then are updated.
        """
        with self._lock:
            newest, event = self._curation.newest(), self._curation.last_event()
            if newest != self._newest_image:
                self._regroup()
            elif event != self._last_event:
                changed_ids = self._curation.touched(self._last_event)
                self._update_groups(
                    {
                        self._group_numbers[image_id]
                        for image_id in changed_ids
                        if image_id in self._group_numbers
                    }
                )
            self._newest_image, self._last_event = newest, event
            return self._open_groups

    def _regroup(self) -> None:
        self._ids_by_group = _ids_by_group(*self._curation.hashes())
        self._group_numbers = {
            image_id: number for number, image_ids in self._ids_by_group.items() for image_id in image_ids
        }
        self._open_by_number = {}
        self._update_groups(self._ids_by_group)

    def _update_groups(self, numbers: Collection[int]) -> None:
        if not numbers:
            return
        members: dict[int, list[DuplicateCandidate]] = {number: [] for number in numbers}
        for candidate in self._curation.members(
            [image_id for number in numbers for image_id in self._ids_by_group[number]]
        ):
            members[self._group_numbers[candidate.id]].append(candidate)
        for number, candidates in members.items():
            self._open_by_number[number] = _open_part(candidates, len(self._ids_by_group[number]))
        open_groups = [group for part in self._open_by_number.values() for group in part.groups]
        open_groups.sort(
            key=lambda group: (-group.classes if group.mixed else 0, -len(group.image_ids), group.image_ids)
        )
        self._open_groups = OpenDuplicates(
            tuple(open_groups), sum(part.settled for part in self._open_by_number.values())
        )

    def keep_one(self, image_ids: Sequence[int], keep: int, actor: str) -> Done:
        """Keep one picture of a group; the others are moved to the bin.

        Raises:
            DomainError: ``keep`` is not in the group, or there are no others.
            NotFound: A picture is no longer in the catalogue; nothing is changed.
        """
        others = [image_id for image_id in dict.fromkeys(image_ids) if image_id != keep]
        if keep not in image_ids or not others:
            raise DomainError(NO_GROUP)
        return self._edits.archive(others, actor)

    def keep_all(self, image_ids: Sequence[int], actor: str) -> Done:
        """Keep all pictures of a group; it is not shown again until another picture joins it.

        Raises:
            DomainError: There are fewer than two pictures.
            NotFound: A picture is no longer in the catalogue; nothing is changed.
        """
        if len(set(image_ids)) < 2:
            raise DomainError(TOO_FEW)
        return self._edits.keep_alike(image_ids, actor)

    def keep_best(self, expected: int, actor: str) -> Done:
        """Keep the best picture of every group with a single class; the others are moved to the bin.

        Raises:
            Conflict: The number of pictures to move is not ``expected``.
        """
        spare = self.unresolved().spare
        if len(spare) != expected:
            raise Conflict(GROUPS_CHANGED.format(spare=len(spare), expected=expected))
        return self._edits.archive(spare, actor) if spare else (0, None)


def _ids_by_group(image_ids: Sequence[int], hashes: Sequence[str]) -> dict[int, list[int]]:
    """The image ids of each group with at least two pictures, by group number."""
    by_group: dict[int, list[int]] = defaultdict(list)
    for image_id, number in zip(image_ids, groups(hashes).tolist(), strict=True):
        by_group[number].append(image_id)
    return {number: ids for number, ids in by_group.items() if len(ids) > 1}


def _open_part(present: Sequence[DuplicateCandidate], size: int) -> OpenDuplicates:
    """The unresolved part of a group that has ``size`` pictures including those in the bin."""
    # Without the pictures in the bin the group may be disconnected.
    parts = [present] if len(present) == size else _regrouped(present)
    with_duplicates = [part for part in parts if len(part) > 1]
    unresolved = [candidates for candidates in with_duplicates if not _is_settled(candidates)]
    return OpenDuplicates(tuple(map(_group, unresolved)), len(with_duplicates) - len(unresolved))


def _regrouped(present: Sequence[DuplicateCandidate]) -> list[list[DuplicateCandidate]]:
    if len(present) < 2:
        return []
    parts: dict[int, list[DuplicateCandidate]] = defaultdict(list)
    for member, number in zip(
        present, groups([candidate.phash for candidate in present]).tolist(), strict=True
    ):
        parts[number].append(member)
    return list(parts.values())


def _is_settled(members: Sequence[DuplicateCandidate]) -> bool:
    return members[0].alike > 0 and all(member.alike == members[0].alike for member in members)


def _group(members: Sequence[DuplicateCandidate]) -> DuplicateGroup:
    # Prefer labelled pictures, then real ones, then larger and sharper ones.
    best = sorted(
        members,
        key=lambda image: (not image.class_id, image.synthetic, -image.pixels, -image.sharpness, image.id),
    )
    shares = Counter(member.class_id for member in members)
    return DuplicateGroup(tuple(member.id for member in best), tuple(shares.most_common()))
