"""Checks and repairs the consistency of the data folder. See :func:`check`."""

from workbench.integrity.check import check, tidy
from workbench.integrity.report import Fault, IntegrityReport

__all__ = ["Fault", "IntegrityReport", "check", "tidy"]
