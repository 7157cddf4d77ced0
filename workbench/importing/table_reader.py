"""Reads label tables of any supported format as streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from workbench.importing.csv_table import csv_lines
from workbench.importing.json_table import json_lines, task_lines
from workbench.importing.label_tables import TableLine
from workbench.importing.table_faults import TableFault
from workbench.importing.table_text import OnProgress, Readable, decode_text


def read_table(
    name: str, stream: Readable, watch: OnProgress = lambda count: None
) -> Iterator[TableLine | TableFault]:
    """Parse a table lazily into lines and faults.

    Args:
        name: File name; its extension selects the format: CSV, TSV, JSON lines, or a JSON list of tasks.
        stream: The bytes.
        watch: Progress callback, called with the size of each chunk in bytes; an exception from it ends the reading.

    Raises:
        RejectedTable: It is not a table of pictures; results yielded before are to be discarded.
    """
    extension = PurePosixPath(name.lower()).suffix
    text = decode_text(stream, watch)
    if extension in {".csv", ".tsv"}:
        return csv_lines(text)
    return json_lines(text) if extension in {".jsonl", ".ndjson"} else task_lines(text)
