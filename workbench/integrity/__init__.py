"""Whether the data folder agrees with itself, and how it is repaired. See :func:`check`."""

from workbench.integrity.check import check, tidy
from workbench.integrity.report import Fault, IntegrityReport

__all__ = ["Fault", "IntegrityReport", "check", "tidy"]
