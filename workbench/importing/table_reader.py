"""Reading a table of any kind as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from workbench.importing.csv_table import csv_lines
from workbench.importing.json_table import json_lines, tasks
from workbench.importing.label_tables import TableLine
from workbench.importing.table_faults import TableFault
from workbench.importing.table_text import OnProgress, Readable, text_of


def read_table(
    name: str, stream: Readable, watch: OnProgress = lambda count: None
) -> Iterator[TableLine | TableFault]:
    """What the lines of a table say and what is wrong with them, as they are read.

    Args:
        name: Its file name, which tells the kind: CSV, TSV, JSON lines, or a JSON list of tasks.
        stream: Its bytes.
        watch: Given the number of the bytes that come next; what it raises ends the reading.

    Raises:
        RejectedTable: It is not a table of pictures; the message says why, and nothing that it gave before counts.
    """
    kind = PurePosixPath(name.lower()).suffix
    text = text_of(stream, watch)
    if kind in {".csv", ".tsv"}:
        return csv_lines(text)
    return json_lines(text) if kind in {".jsonl", ".ndjson"} else tasks(text)
