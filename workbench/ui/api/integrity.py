"""The endpoint that checks the integrity of the data."""

from collections.abc import Callable
from typing import Any, TypedDict

from storage.core.errors import DomainError
from workbench.integrity import Fault, check
from workbench.services import Services
from workbench.ui.api.answers import answer


class DataFault(TypedDict):
    """Faults of one kind: what is wrong and how often, what is or can be done, and some of them by name."""

    what: str
    count: int
    repaired: bool
    repairable: bool
    advice: str
    examples: list[str]


class Checked(TypedDict):
    """What a check of the data found; ``ok`` is false while something is wrong or was lost."""

    ok: bool
    pictures: int
    files: int
    seconds: float
    faults: list[DataFault]


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""

    def check_integrity(repair: bool = False, deep: bool = False) -> Checked:
        """Check that the catalogue, its journal, its counts and the files agree; work can go on meanwhile.

        Args:
            repair: Repair what can be repaired. Pictures without a file go to the bin, files without a picture to the
                folder lost+found.
            deep: Read every byte of every picture, which takes minutes where there are many.
        """
        report = check(services.stores, _require_bool("repair", repair), _require_bool("deep", deep))
        faults = [_data_fault(fault) for fault in report.faults]
        return answer(Checked, report, seconds=round(report.seconds, 3), faults=faults)

    return [check_integrity]


def _data_fault(fault: Fault) -> DataFault:
    examples = [example for example in fault.examples if example]
    return answer(DataFault, fault, advice=fault.sentence, examples=examples)


def _require_bool(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise DomainError(f"{name} must be true or false.")
    return value
