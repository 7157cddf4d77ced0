"""Whether the data folder agrees with itself, and how it is repaired. See :func:`check`."""

from workbench.integrity.check import check, tidy
from workbench.integrity.report import Fault, Findings

__all__ = ["Fault", "Findings", "check", "tidy"]
