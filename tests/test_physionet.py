"""The stays of PhysioNet 2012 as tasks."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks._physionet import HORIZON, LONG_TAILED, clipped, decompensation, likelihood, physionet


@pytest.fixture(scope="module")
def folder(data_dir: Path) -> Path:
    if not (data_dir / "physionet2012" / "data.npz").is_file():
        pytest.skip("no physionet2012 in BAYES_MTL_DATA")
    return data_dir / "physionet2012"


def test_decompensation_looks_six_hours_ahead() -> None:
    names = ["MAP", "NIMAP", "HR", "SaO2", "GCS", "RespRate", "Temp", "Lactate"]
    signals = np.full((3, 48, 8), np.nan, dtype=np.float32)
    signals[:2, :, 2] = 80.0  # a heart rate at every hour
    signals[0, 20, [1, 5]] = 50.0, 35.0  # pressure and breath in one hour: critical
    signals[0, 40, 0], signals[0, 41, 5] = 50.0, 35.0  # in two hours: not
    label = decompensation(signals, names)
    assert np.flatnonzero(label[0] == 1).tolist() == list(range(14, 20))
    assert np.nansum(label[1]) == 0
    assert np.isnan(label[:, 48 - HORIZON :]).all() and np.isnan(label[2]).all()
    assert not np.isnan(label[:2, : 48 - HORIZON]).any()


def test_outliers_are_moved_to_the_training_quantiles() -> None:
    names = ["pH", *LONG_TAILED]
    signals = np.random.default_rng(0).normal(10.0, 1.0, (200, 48, len(names))).astype(np.float32)
    signals[150:, 0] = 735.0  # none of them in training
    found = clipped(signals, names, np.arange(200) < 100)
    high = np.quantile(signals[:100, :, 0], 0.999)
    assert found[..., 0].max() == pytest.approx(high, rel=1e-6)  # float32
    inner = (signals[..., 1] > 8) & (signals[..., 1] < 12)
    np.testing.assert_allclose(found[..., 1][inner], np.log1p(signals[..., 1][inner]), rtol=1e-6)  # float32


def test_five_tasks_of_one_schema(folder: Path) -> None:
    sets = physionet(folder, every=6, stays=200)
    train = sets.train
    assert train.schema.tasks == ("death", "stay", "sofa", "saps", "decompensation")
    assert train.schema == sets.valid.schema == sets.test.schema
    assert train.x.shape == (200, 48, 3 * 37 + 2 * 7) and np.isfinite(train.x).all()
    for data in (train, sets.valid, sets.test):
        assert data.counts[0] == 200 and (data.counts > 0).all()
        assert data.step is not None
        assert set(np.unique(data.step[data.task == 4])) <= {5, 11, 17, 23, 29, 35, 41}
        likelihood(data).check(data)
    alone = physionet(folder, stays=50, tasks=("death",))
    assert alone.test.schema.tasks == ("death",)
    likelihood(alone.train).check(alone.train)


def test_the_rates_are_those_of_the_whole_set(folder: Path) -> None:
    with np.load(folder / "data.npz", allow_pickle=False) as stored:
        names = [str(name) for name in stored["ts_names"]]
        label = decompensation(stored["ts"].astype(np.float32), names)
    assert abs(np.nanmean(label) - 0.047) < 0.001  # counted once from the same file
