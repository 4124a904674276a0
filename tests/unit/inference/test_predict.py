"""New raw logs get labels with whatever modalities they have, and nothing is written into the study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from mmbind.cli import main
from mmbind.errors import DataError, InputError, MissingStageError
from mmbind.files import digest_folder
from mmbind.inference import predict
from mmbind.inference.predict import COLUMNS
from mmbind.study import Study
from mmbind.training.model_file import load_model
from mmbind.training.samples import as_recorded
from mmbind.windows.store import WindowStore
from tests.unit.inference.trained import log, write_log


def right(table: pl.DataFrame) -> float:
    """Share of right labels: every second ten seconds are fast."""
    truth = np.where((table["start_ns"].to_numpy() // 10**10) % 2 == 1, "run", "walk")
    return float((table["label"].to_numpy() == truth).mean())


def changed(study: Study, root: Path, **sections: object) -> Study:
    """The same model in another study with other parameters."""
    root.mkdir(exist_ok=True)
    values = yaml.safe_load((study.root / "params.yaml").read_text()) | sections
    (root / "params.yaml").write_text(yaml.safe_dump(values))
    return Study.load(root)


@pytest.mark.parametrize(
    ("held", "used"), [(("acc", "gyro", "mag"), "acc+gyro"), (("acc",), "acc"), (("mag", "gyro"), "gyro")]
)
def test_one_file_is_labelled_with_what_it_has(study: Study, tmp_path: Path, held: tuple[str, ...], used: str) -> None:
    before = digest_folder(study.root)
    path = write_log(tmp_path / "new_7.csv", log(50, held).drop("label"))
    found = predict(study, path)
    assert dict(found.table.schema) == COLUMNS
    assert found.table.height == 20
    assert set(found.table["modalities"]) == {used}
    assert right(found.table) >= 0.9
    assert ((found.table["confidence"] > 0.5) & (found.table["confidence"] <= 1)).all()
    assert set(found.table["file"]) == {"new_7.csv"}
    assert set(found.table["subject"]) == {"new"}
    assert found.ignored == (["mag"] if "mag" in held else [])
    assert digest_folder(study.root) == before


def test_labels_of_the_file_and_tables_of_labels_do_not_matter(study: Study, tmp_path: Path) -> None:
    frame = log(50)
    first = predict(study, write_log(tmp_path / "a" / "new_7.csv", frame)).table
    second = predict(study, write_log(tmp_path / "b" / "new_7.csv", frame.with_columns(label=pl.lit("?")))).table
    assert first.equals(second)


def test_a_folder_is_labelled_as_its_files_are_alone(study: Study, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    write_log(folder / "x_1.csv", log(60))
    write_log(folder / "y_2.csv", log(61, ("acc",)))
    (folder / "notes.txt").write_text("not a log")
    together = predict(study, folder)
    assert [path.name for path in together.passed] == ["notes.txt"]
    alone = pl.concat([predict(study, folder / name).table for name in ("x_1.csv", "y_2.csv")])
    assert together.table.select("window", "label", "modalities").equals(alone.select("window", "label", "modalities"))
    assert together.table["confidence"].to_numpy() == pytest.approx(alone["confidence"].to_numpy(), abs=1e-5)
    assert "labelled, mean confidence" in together.lines()[0]


def test_known_logs_get_what_the_model_says_of_their_windows(study: Study) -> None:
    table = predict(study, study.raw("s")).table.sort("window")
    store = WindowStore.open(study.windows("s"), stage="window")
    model = load_model(study.model("multimodal"))
    chances = model.predict(as_recorded([store]))
    assert table["window"].to_list() == store.ids
    assert table["label"].to_list() == [model.classes[best] for best in chances.argmax(axis=1)]
    assert table["confidence"].to_numpy() == pytest.approx(chances.max(axis=1), abs=1e-6)


def test_a_file_under_any_name_is_read_when_its_source_is_named(study: Study, tmp_path: Path) -> None:
    path = write_log(tmp_path / "whatever.csv", log(50))
    with pytest.raises(InputError, match="fits no source of the study by its name"):
        predict(study, path)
    table = predict(study, path, source="s").table
    assert right(table) >= 0.9
    assert table["subject"].null_count() == table.height


def test_windows_without_a_known_modality_stay_without_a_label(study: Study, tmp_path: Path) -> None:
    frame = log(50, ("acc", "mag")).with_row_index()
    late = frame.with_columns(pl.when(pl.col("index") < 400).then(f"acc_{axis}").alias(f"acc_{axis}") for axis in "xyz")
    found = predict(study, write_log(tmp_path / "new_7.csv", late.drop("index")))
    unlabelled = found.table.filter(pl.col("label").is_null())
    assert 0 < unlabelled.height < found.table.height
    assert set(unlabelled["modalities"]) == {""}
    assert unlabelled["confidence"].null_count() == unlabelled.height
    assert "none of the model" in found.lines()[2]


def test_wrong_logs_are_refused_with_the_reason(study: Study, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"knows none of the modalities of these logs \(mag\)\. It knows acc, gyro"):
        predict(study, write_log(tmp_path / "new_1.csv", log(50, ("mag",))))
    with pytest.raises(InputError, match=r"No reading could be used\. new_2\.csv: acc: the column .* is missing"):
        predict(study, write_log(tmp_path / "new_2.csv", pl.DataFrame({"t": [1, 2], "pulse": [60, 61]})))
    with pytest.raises(InputError, match=r"gives no window of 2.0 s: 1 x "):
        predict(study, write_log(tmp_path / "new_3.csv", log(50, seconds=1)))
    (tmp_path / "new_4.json").write_text("{}")
    with pytest.raises(InputError, match=r"holds no logs of the source 's', whose files are \*\.csv"):
        predict(study, tmp_path / "new_4.json", source="s")
    with pytest.raises(InputError, match="Unknown source 'z'"):
        predict(study, tmp_path, source="z")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no logs"):
        predict(study, tmp_path / "empty")


def test_windows_that_are_cut_otherwise_than_in_training_are_refused(study: Study, tmp_path: Path) -> None:
    windows = {
        "cut": {"kind": "sliding", "length_s": 4.0, "hop_s": 4.0},
        "modalities": {name: {"steps": 32} for name in ("acc", "gyro", "mag")},
    }
    other = changed(study, tmp_path / "other", windows=windows)
    path = write_log(tmp_path / "new_7.csv", log(50))
    with pytest.raises(InputError, match=r"32 steps at 8 Hz .* the model was trained on 32 steps at 16 Hz"):
        predict(other, path, model=study.model("multimodal"))


def test_two_sources_that_fit_must_be_told_apart(study: Study, tmp_path: Path) -> None:
    sources = yaml.safe_load((study.root / "params.yaml").read_text())["sources"]
    other = changed(study, tmp_path / "other", sources=sources | {"twin": sources["s"]})
    path = write_log(tmp_path / "new_7.csv", log(50))
    with pytest.raises(InputError, match=r"2 sources fit .*: s, twin\. Name the source"):
        predict(other, path, model=study.model("multimodal"))
    assert predict(other, path, source="twin", model=study.model("multimodal")).table.height == 20


def test_a_missing_or_foreign_model_is_named(study: Study, tmp_path: Path) -> None:
    path = write_log(tmp_path / "new_7.csv", log(50))
    with pytest.raises(MissingStageError, match="Run the stage 'train' first"):
        predict(changed(study, tmp_path / "untrained"), path)
    with pytest.raises(InputError, match="holds no model"):
        predict(study, path, model=tmp_path)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("card.json", "model.safetensors"):
        (copy / name).write_bytes((study.model("multimodal") / name).read_bytes())
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    with pytest.raises(DataError, match="its sha256 is"):
        predict(study, path, model=copy)


def test_the_command_writes_parquet_and_csv_and_refuses_others(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_log(tmp_path / "new_7.csv", log(50))
    arguments = ["predict", str(path), "--study", str(study.root), "--output"]
    for name in ("labels.parquet", "labels.csv", "again.csv"):
        with pytest.raises(SystemExit) as ended:
            main([*arguments, str(tmp_path / name)])
        assert ended.value.code == 0
    assert "20 windows of 1 recordings labelled" in capsys.readouterr().out
    table = pl.read_parquet(tmp_path / "labels.parquet")
    assert pl.read_csv(tmp_path / "labels.csv")["label"].equals(table["label"])
    assert (tmp_path / "labels.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()
    with pytest.raises(SystemExit) as ended:
        main([*arguments, str(tmp_path / "labels.xlsx")])
    assert ended.value.code == 2
