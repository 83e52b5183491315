"""The evidence stage: calibration, figures, exported files, and a quick run on a few images."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from training.datasets.described import EvidenceRow
from training.datasets.evidence_targets import EvidenceTargets
from training.datasets.noun_targets import RowNouns
from training.scoring.evidence_calibration import fit_slope_and_offset, fit_temperature
from training.scoring.evidence_figures import auc, evidence_figures

ROOT = Path(__file__).resolve().parents[2]


def row(**fields: object) -> EvidenceRow:
    values: dict[str, object] = {"path": Path("a.webp"), "subset": "wild-dev", "share": 1.0, **fields}
    return EvidenceRow(**values)  # type: ignore[arg-type]


def train(data: Path, wild: Path, work: Path, *options: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", "training", "--data", str(data), "--work", str(work)]
    return subprocess.run(
        [*command, "--wild", str(wild), "--quick", "--threads", "1", "--stages", "evidence", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def work(data: Path, wild: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    done = train(data, wild, folder)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "wild-dev: {'kind': " in done.stdout
    return folder


def exported(work: Path) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    folder = work / "quick" / "full" / "export"
    return load_file(folder / "evidence.safetensors"), json.loads((folder / "evidence.json").read_text())


def test_the_exported_weights(work: Path) -> None:
    weights, description = exported(work)
    nouns = description["nouns"]
    assert isinstance(nouns, list)
    heads = {"kind": 14, "people": 4, "text": 1, "main": len(nouns), "present": len(nouns)}
    expected = {"mean": (3800,), "scale": (3800,), "hidden.weight": (1024, 3800), "hidden.bias": (1024,)}
    expected |= {f"{name}.weight": (outputs, 1024) for name, outputs in heads.items()}
    expected |= {f"{name}.bias": (outputs,) for name, outputs in heads.items()}
    assert {name: tuple(tensor.shape) for name, tensor in weights.items()} == expected
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
    assert bool((weights["scale"] > 0).all())


def test_the_exported_description(work: Path) -> None:
    _, description = exported(work)
    assert description.keys() == {"nouns", "wider", "calibration", "revision"}
    nouns, wider, calibration = (description[name] for name in ("nouns", "wider", "calibration"))
    assert isinstance(nouns, list)
    assert isinstance(wider, list)
    assert isinstance(calibration, dict)
    assert {"ball", "animal"} <= set(nouns)
    assert len(wider) == len(nouns)
    for number, indices in enumerate(wider):
        assert number not in indices
        assert all(set(wider[index]) - {number} <= set(indices) for index in indices)
    assert calibration.keys() == {"kind", "main", "present", "people", "text"}
    assert description["revision"] == "full-3"
    sums = (work / "quick" / "full" / "export" / "SHA256SUMS").read_text()
    assert [line.split()[1] for line in sums.splitlines()] == ["evidence.safetensors", "evidence.json"]


def test_training_repeats_whatever_the_order_of_sets(data: Path, wild: Path, work: Path, tmp_path: Path) -> None:
    done = train(data, wild, tmp_path, hash_seed="7")
    assert done.returncode == 0, done.stderr[-3000:]
    (weights, description), (again, same) = exported(work), exported(tmp_path)
    assert description == same
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_a_completed_stage_runs_no_image_again(data: Path, wild: Path, work: Path) -> None:
    done = train(data, wild, work)
    assert done.returncode == 0
    assert "evidence features" not in done.stderr


def test_the_commercial_variant_reads_the_same_features(data: Path, wild: Path, work: Path) -> None:
    done = train(data, wild, work, "--variant", "commercial")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "evidence features" not in done.stderr
    assert "8 of them described" in done.stdout
    assert (
        json.loads((work / "quick" / "commercial" / "export" / "evidence.json").read_text())["revision"]
        == "commercial-3"
    )


def test_a_described_folder_without_rows_is_an_error_naming_the_file(data: Path, wild: Path, tmp_path: Path) -> None:
    done = train(data, wild, tmp_path, "--described", str(tmp_path / "absent"))
    assert done.returncode == 2
    assert "absent/rows.jsonl" in done.stderr


def test_a_missing_wild_folder_is_an_error_naming_the_option(data: Path, tmp_path: Path) -> None:
    done = train(data, tmp_path / "absent", tmp_path)
    assert done.returncode == 2
    assert "--wild" in done.stderr


def test_the_temperature_of_overconfident_logits() -> None:
    # Two classes, right three times of four: the logit that says so is log 3.
    logits = torch.tensor([[8.0, 0.0]] * 4)
    temperature = fit_temperature(logits, torch.tensor([0, 0, 0, 1]))
    assert 8.0 / temperature == pytest.approx(1.0986, abs=1e-3)


def test_slope_and_offset() -> None:
    logits = torch.tensor([2.0] * 4 + [-2.0] * 4)
    slope, offset = fit_slope_and_offset(logits, torch.tensor([1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]))
    assert slope == pytest.approx(1.0986 / 2, abs=1e-3)
    assert offset == pytest.approx(0.0, abs=1e-3)


def test_nothing_to_calibrate_is_an_error() -> None:
    with pytest.raises(ValueError, match="no logits"):
        fit_slope_and_offset(torch.zeros(0), torch.zeros(0))


def test_the_area_under_the_curve() -> None:
    assert auc(torch.tensor([3.0, 2.0, 1.0, 0.0]), torch.tensor([True, False, True, False])) == 0.75


def test_figures() -> None:
    rows = [row(kind="photo", people=0, subject=("cats",)), row(kind="map", people=2, text="SEA", subject=("map",))]
    vocabulary = ["dog", "cat", "map", "animal"]
    targets = EvidenceTargets.of(rows, [RowNouns(frozenset(), {"cat": 1.0})] * 2, vocabulary)
    kind = torch.zeros(2, 14)
    kind[:, 0] = 1.0
    logits = {
        "kind": kind,
        "people": torch.tensor([[2.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]),
        "text": torch.tensor([0.0, 1.0]),
        "main": torch.tensor([[2.0, 1.0, 0.0, -1.0], [0.0, 0.0, 3.0, 0.0]]),
    }
    assert evidence_figures(logits, targets, rows, vocabulary) == {
        "kind": 0.5,
        "kind, drawn and written": 0.0,
        "photograph or not": 0.5,
        "people": 0.5,
        "photos, main noun surest": 0.0,
        "photos, main noun among three": 1.0,
        "others, main noun surest": 1.0,
        "others, main noun among three": 1.0,
        "people, AUC": 1.0,
        "text, AUC": 1.0,
    }
