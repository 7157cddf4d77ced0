"""Large and hostile tables: what they may take of memory, database and time, and how their reading is stopped."""

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO, RawIOBase
from pathlib import Path

import pytest

from storage.jobs.import_jobs import PRESENT, READ, REJECTED, FileOutcome
from tests.pictures import picture
from tests.running import ROOT, Server, until
from tests.workbench.conftest import Bring
from tests.workbench.importing.test_csv_table import file_results, known
from tests.workbench.importing.test_service import ended
from tests.workbench.importing.test_uploads import LIMITS, zipped
from workbench.core.errors import RejectedArchive
from workbench.core.settings import MEGABYTE, Settings
from workbench.importing.label_tables import TableLine
from workbench.importing.plan import NO_ROOM, build_plan
from workbench.importing.service import NewImport
from workbench.importing.table_faults import TableFault
from workbench.importing.table_reader import read_table
from workbench.importing.uploads import Upload
from workbench.services import Services, build_services
from workbench.ui.status_bar import status_html
from workbench.ui.tabs.collect.report import running_html

Put = Callable[[str, bytes], Upload]
HEAD = b"filename,label\n"
TASK = b'{"id":1,"data":{"image":"%d.jpg"},"annotations":[{"result":[{"value":{"choices":["Full"]}}]}]},'


class Endless(RawIOBase):
    """Bytes that begin somehow and go on for ever; counts how many were read."""

    def __init__(self, begin: bytes, rest: bytes) -> None:
        self._next = begin
        self._rest = rest * (65536 // len(rest))
        self.given = 0

    def read(self, size: int = -1, /) -> bytes:
        data, self._next = self._next[:size], self._next[size:] or self._rest
        self.given += len(data)
        return data


def peak_of(items: Iterator[object]) -> float:
    """Megabytes that reading takes at most, where nothing of it is kept."""
    tracemalloc.start()
    for _ in items:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / MEGABYTE


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", HEAD + b"picture.jpg,Full," + (b"x" * 1000 + b"\npicture.jpg,Full,") * 5000),
        ("a.jsonl", (b'{"file_name": "a.jpg", "label": "Full", "note": "%s"}\n' % (b"x" * 1000)) * 5000),
        ("a.json", b"[" + (TASK % 1 + b" " * 1000) * 5000 + b"1]"),
        ("a.json", b'[{"data": {"image": "a.jpg"}}' + (b',"%s"' % (b"x" * 100_000)) * 48 + b"]"),
        ("a.json", b'[{"data": {"image": "a.jpg"}},' + b" " * 5_000_000 + b"1]"),
    ],
    ids=["csv", "jsonl", "json", "lists", "blanks"],
)
def test_a_table_of_5_mb_takes_less_memory_than_it_has(name: str, data: bytes) -> None:
    assert len(data) > 4_000_000
    assert peak_of(read_table(name, BytesIO(data))) < 2.5


@pytest.mark.parametrize(
    ("name", "begin", "rest", "problem"),
    [
        ("a.csv", HEAD + b"a.jpg,Full\n", b"x", "Line 3 cannot be read as CSV"),
        (
            "a.csv",
            HEAD + b"a.jpg,Full\n",
            b'"x\n",',
            "cannot be read as CSV (a row with more than 1,000,000 characters)",
        ),
        ("a.csv", HEAD + b'a.jpg,Full\n"', b"x\n", "cannot be read as CSV"),
        ("a.json", b'[{"data":{"image":"a.jpg"}},{"a":"', b"x", "Task 2 cannot be read"),
        ("a.json", b'[{"data":{"image":"a.jpg"}},[', b"1,", "Task 2 cannot be read"),
        ("a.json", b'[{"data":{"image":"a.jpg"}},', b"[", "Task 2 cannot be read"),
    ],
)
def test_what_never_ends_is_read_no_further(name: str, begin: bytes, rest: bytes, problem: str) -> None:
    stream = Endless(begin, rest)
    line, fault = [
        item
        for item in read_table(name, stream)
        if not (isinstance(item, TableFault) and "class" in item.sentence)
    ]
    assert isinstance(line, TableLine)
    assert isinstance(fault, TableFault)
    assert problem in fault.sentence
    assert fault.sentence.endswith("The table is read no further.")
    assert stream.given < 5 * MEGABYTE


@pytest.mark.parametrize("begin", [b"", b"{", b'{"a":'])
@pytest.mark.parametrize("name", ["a.csv", "a.json"])
def test_a_first_line_that_never_ends_is_refused(bring: Bring, begin: bytes, name: str) -> None:
    [outcome] = bring({name: begin + b"x" * 3 * MEGABYTE})
    assert outcome.result == REJECTED


def test_a_long_line_of_json_is_passed_over_and_the_next_one_counts(bring: Bring) -> None:
    row = b'{"file_name": "a.jpg", "label": "%s"}\n'
    outcomes = bring({"a.jpg": picture(1), "l.jsonl": row % (b"x" * 2 * MEGABYTE) + row % b"Full"})
    assert [outcome.label for outcome in outcomes] == ["Full", "", ""]
    assert file_results(outcomes)[2] == (
        "l.jsonl",
        REJECTED,
        "Line 1 has more than 1,000,000 characters, so it is passed over.",
    )


def test_faults_that_come_again_and_again_are_told_once(services: Services, bring: Bring) -> None:
    bring({"a.jpg": picture(1), "b.jpg": picture(2)})
    lines = [
        b",x\n" * 5000,
        b"gone%d.jpg,Full\n",
        b"a.jpg,Full\n",
        b"a.jpg,Half\n" * 5000,
        b"b.jpg,Full\n" * 5000,
        b"x\n" * 4,
    ]
    outcomes = bring({"l.csv": HEAD + b"".join(lines)})
    assert file_results(outcomes) == [
        ("l.csv", READ, "10,002 lines, of which 0 name a file of this import."),
        ("l.csv", REJECTED, "5,000 lines name no file (first: line 2)."),
        ("l.csv", REJECTED, "4 lines have too few columns and are passed over (first: line 15004)."),
        ("a.jpg", PRESENT, "Labelled Full."),
        ("b.jpg", PRESENT, "Labelled Full."),
        (
            "l.csv",
            REJECTED,
            "Line 5002: “gone%d.jpg” is neither among the files of this import nor in the catalogue.",
        ),
        (
            "l.csv",
            REJECTED,
            "5,000 lines name a picture again, of which the first line counts (first: line 5004, “a.jpg”).",
        ),
    ]


def hostile(kind: str) -> dict[str, bytes]:
    if kind == "zip":
        return {"a.zip": zipped({"t.csv": HEAD + b"a%d,b\n" * 40_000})}
    if kind == "twenty":
        return {
            f"{n}.csv": HEAD + b"".join(b"%d-%d.jpg,x\n" % (n, line) for line in range(2000))
            for n in range(20)
        }
    return {"a.csv": HEAD + b"".join(b"%d.jpg,x\n" % line for line in range(40_000))}


@pytest.mark.parametrize("kind", ["zip", "csv", "twenty"])
def test_a_hostile_table_leaves_next_to_nothing_in_the_database(
    services: Services, bring: Bring, kind: str
) -> None:
    files = services.settings.data
    outcomes = bring(hostile(kind))
    assert len(outcomes) <= 60
    assert sum(path.stat().st_size for path in files.glob("waterline.db*")) < 2 * MEGABYTE


def test_an_import_of_a_large_table_takes_little_memory(tmp_path: Path) -> None:
    """In a process of its own, whose peak the system tells."""
    tasks = b"".join(TASK % number + b" " * 1000 for number in range(40_000))
    (tmp_path / "a.json").write_bytes(b"[" + tasks + b"{}]")
    program = """
import resource, sys
from pathlib import Path
from workbench.importing.uploads import Upload
from workbench.importing.service import NewImport
from workbench.services import build_services
from workbench.core.settings import Settings
folder = Path(sys.argv[1])
services = build_services(Settings(data=folder / "workbench", insight=False))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
state = services.imports.wait(services.imports.start(NewImport([Upload(folder / "a.json", "a.json")])))
assert state.status == "finished", state
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert float(ran.stdout) < 60


@pytest.mark.parametrize("name", ["l.csv", "l.jsonl", "l.json"])
def test_more_lines_than_the_limit_are_not_read(tmp_path: Path, upload: Put, name: str) -> None:
    limited = build_services(
        Settings(data=tmp_path / "w", insight=False, limits=replace(LIMITS, table_lines=3))
    )
    rows = [{"file_name": f"{n}.jpg", "label": "Full"} for n in range(5)]
    data = {
        "l.csv": HEAD + b"".join(b"%d.jpg,Full\n" % n for n in range(5)),
        "l.jsonl": "\n".join(map(json.dumps, rows)).encode(),
        "l.json": json.dumps(rows).encode(),
    }[name]
    uploaded = [*(upload(f"{n}.jpg", picture(n)) for n in range(5)), upload(name, data)]
    import_id = limited.imports.start(NewImport(uploaded))
    assert limited.imports.wait(import_id).labels == {"Full": 3, "": 2}
    files = {outcome.file: outcome for outcome in limited.imports.every_file(import_id)}
    assert (
        files[name].reason == "At most 3 lines of tables are read at once; the rest is not. Split the table."
    )
    assert [files[f"{n}.jpg"].label for n in range(5)] == ["Full", "Full", "Full", "", ""]


def test_all_tables_of_an_import_have_a_limit_together(tmp_path: Path, upload: Put) -> None:
    limits = replace(LIMITS, table_mb=1, zip_ratio=10**6)
    blanks = HEAD + b"\n" * (MEGABYTE - 100)
    uploaded = upload("a.zip", zipped({f"{n}.csv": blanks for n in range(5)}))
    reasons = [
        outcome.reason
        for outcome in build_plan([uploaded], limits).after
        if isinstance(outcome, FileOutcome) and outcome.reason
    ]
    assert reasons == [NO_ROOM.format(most=2)] * 2


def test_tables_count_as_files_of_a_zip(bring: Bring, services: Services, upload: Put) -> None:
    limits = replace(LIMITS, zip_entries=100)
    uploaded = upload("a.zip", zipped({f"{n}.csv": b"" for n in range(111)}))
    assert build_plan([uploaded], limits).files == 1
    [source] = build_plan([uploaded], limits).sources()
    with pytest.raises(RejectedArchive, match=r"\b101\b.*\b100\b"):
        source.read()


@pytest.mark.parametrize("kind", ["bytes", "checksum"])
def test_a_zip_whose_table_is_damaged_keeps_what_came_before(
    bring: Bring, services: Services, kind: str
) -> None:
    table = HEAD + b"a.jpg,Full\n" + b"".join(b"x%d.jpg,Full\n" % n for n in range(9000))
    data = bytearray(zipped({"a.jpg": picture(1), "l.csv": table}))
    at = data.find(b"l.csv") + 9000 if kind == "bytes" else data.rfind(b"l.csv") - 30  # its checksum
    data[at] ^= 0xFF
    outcomes = bring({"a.zip": bytes(data)})
    assert known(services)["a.jpg"][0] == "Full"
    reasons = [outcome.reason for outcome in outcomes if outcome.file == "l.csv" and outcome.reason]
    assert "The file is damaged inside the zip. What came before counts." in reasons


LONG = HEAD + b"".join(b"a picture (%d).jpg,Full\n" % line for line in range(15_000))


def test_the_reading_of_tables_is_shown_and_stopped(services: Services, upload: Put) -> None:
    first = services.imports.start(NewImport([upload(f"{n}.csv", LONG) for n in range(20)]))
    second = services.imports.start(NewImport([upload("b.jpg", picture(1))]))
    shown = until(lambda: (state := services.imports.state(first)).lines and state, "lines")
    assert (shown.phase, shown.running, shown.total) == ("reading tables", True, 0)
    assert f"<b>{shown.lines:,}</b> lines of tables" in running_html(shown, [])
    assert "Reading tables: " in status_html(services)
    services.imports.stop(first)
    state = until(lambda: not (now := services.imports.state(first)).running and now, "the stop", seconds=3)
    assert (state.status, state.stopped, state.phase, state.done) == ("stopped", True, "", 0)
    assert ended(services, second).imported == 1
    assert list((services.settings.data / "staging").iterdir()) == []


def test_a_server_that_ends_meanwhile_reads_them_again(services: Services, upload: Put) -> None:
    import_id = services.imports.start(
        NewImport(
            [
                upload("a.jpg", picture(1)),
                upload("l.csv", LONG[:MEGABYTE].rpartition(b"\n")[0] + b"\na.jpg,Full\n"),
            ]
        )
    )
    until(lambda: services.imports.state(import_id).lines, "lines")
    services.imports.close()
    assert services.stores.import_jobs.get(import_id).status == "running"
    later = build_services(services.settings)
    later.imports.resume()
    assert ended(later, import_id).labels == {"Full": 1}


def test_what_is_wrong_with_references_is_told_once_after_a_restart(
    services: Services, upload: Put, bring: Bring
) -> None:
    bring({f"{n}.jpg": picture(n) for n in range(4)})
    rows = (
        [b"%d.jpg,Full\n" % n for n in range(3)]
        + [b"gone-%d.jpg,Full\n" % n for n in range(3000)]
        + [b"0.jpg,Half\n3.jpg,Full\n"]
    )
    import_id = services.imports.start(NewImport([upload("l.csv", HEAD + b"".join(rows))]))
    until(lambda: services.imports.state(import_id).done, "the first lines")
    services.imports.close()
    later = build_services(services.settings)
    later.imports.resume()
    assert ended(later, import_id).status == "finished"
    outcomes = list(later.imports.every_file(import_id))
    assert [(outcome.file, outcome.result) for outcome in outcomes] == [
        ("l.csv", READ),
        *((f"{n}.jpg", PRESENT) for n in range(4)),
        ("l.csv", REJECTED),
        ("l.csv", REJECTED),
    ]
    assert outcomes[5].reason.startswith("3,000 lines name no picture of this import or of the catalogue")
    assert outcomes[6].reason == "Line 3005 names “0.jpg” again; the first line counts."
    assert {label for label, _ in known(later).values()} == {"Full"}


def test_many_files_of_one_name_are_looked_for_in_no_time(upload: Put) -> None:
    """Look-ups that went through all files of one name would take hours here."""
    files = {f"f{n}/x.jpg": b"" for n in range(5_000)}
    lines = (b"g%d/x.jpg,Full\nf%d/x.jpg,Full\nx,Full\nX_.jpg,Full\n" % (n, n) for n in range(5_000))
    plan = build_plan([upload("a.zip", zipped({**files, "l.csv": HEAD + b"".join(lines)}))], LIMITS)
    assert len(plan.lines_by_file) == 5_000


def test_status_and_stop_over_http(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(LONG)
    (shared := tmp_path / "shared").mkdir()
    for number in range(20):
        (shared / f"{number}.csv").hardlink_to(tmp_path / "l.csv")
    server = Server(
        tmp_path, WORKBENCH_IMPORT_FOLDERS=str(shared), WORKBENCH_MAX_TABLE_LINES="5000000"
    ).start()
    try:
        client = server.client()
        client.predict(folder=str(shared), api_name="/import_folder")
        status = until(
            lambda: (now := client.predict(api_name="/import_status"))["lines"] and now,
            "the reading of tables",
        )
        assert (status["phase"], status["status"], status["total"]) == ("reading tables", "running", 0)
        client.predict(api_name="/stop_import")
        until(lambda: client.predict(api_name="/import_status")["status"] == "stopped", "the stop", seconds=3)
    finally:
        server.close()
