"""An ingest that is killed (SIGKILL) leaves the old records, and its finished shards to the next run."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from mmbind.files import read_json
from mmbind.sources import ingest
from mmbind.study import Study
from tests.unit.sources.logs import content, lines, source_study, write_csv

FILES = 12
#: Ingests the study in the working folder; each file takes long enough to be hit.
CHILD = """
import time
from mmbind.study import Study
from mmbind.sources import ingest, logfile
original = logfile._check_opens
logfile._check_opens = lambda file: (time.sleep(0.05), original(file))[1]
ingest(Study.load("."), "s")
"""


def study_of(root: Path) -> Study:
    study = source_study(root, shards=4)
    for subject in range(FILES):
        write_csv(study, f"p{subject}_1.csv", [*lines(30 + subject), "broken"])
    return study


def kill_after(study: Study, shards: int) -> None:
    """Kills a run once it has finished some shards."""
    child = subprocess.Popen([sys.executable, "-c", CHILD], cwd=study.root, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(finished(study)) < shards:
        assert child.poll() is None, "the run ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.wait()


def finished(study: Study) -> list[str]:
    folder = study.work("ingest") / "s" / "shards"
    return [path.name for path in folder.glob("[!.]*")]


def test_two_killed_runs_and_a_third_give_the_bytes_of_one(tmp_path: Path) -> None:
    unbroken, broken = study_of(tmp_path / "unbroken"), study_of(tmp_path / "broken")
    assert ingest(unbroken, "s").read == FILES
    time.sleep(2.1)  # what was written just now is read anew: its stamp tells too little
    kill_after(broken, 1)
    assert not broken.records("s").exists()
    kill_after(broken, 2)
    kept = {path for key in finished(broken) for path in shard_files(broken, key)}
    summary = ingest(broken, "s")
    assert summary.read == FILES - len(kept)
    assert 0 < len(kept) < FILES
    assert content(broken) == content(unbroken)
    assert not finished(broken)


def test_a_kill_while_a_file_is_added_leaves_the_old_records(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    ingest(study, "s")
    before = content(study)
    write_csv(study, "p3_1.csv", lines(500))
    write_csv(study, "p50_1.csv", lines(9))
    (study.raw("s") / "p4_1.csv").unlink()
    time.sleep(2.1)
    kill_after(study, 1)
    assert content(study) == before
    summary = ingest(study, "s")
    assert summary.removed == ["p4_1.csv"]
    assert "p4_1.csv" in "\n".join(summary.lines())
    after = content(study)
    fresh = source_study(tmp_path / "fresh", shards=4)
    for path in sorted(study.raw("s").iterdir()):
        (fresh.raw("s") / path.name).write_bytes(path.read_bytes())
    ingest(fresh, "s")
    assert after == content(fresh)


def shard_files(study: Study, key: str) -> list[str]:
    told = read_json(study.work("ingest") / "s" / "shards" / key / "tables" / "files.json")
    return list(told["files"])
