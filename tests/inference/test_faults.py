"""Kills in the middle of a fit, full disks, and threads."""

import errno
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from bayes_mtl import MultiTaskModel, Posterior, load
from bayes_mtl._errors import FileError
from bayes_mtl._seed import seeded
from bayes_mtl.inference import SVI, Collapsed
from bayes_mtl.inference._nuts import complete
from bayes_mtl.likelihoods import Gaussian
from bayes_mtl.priors import Hierarchical
from tests.inference.cases import rows

ROOT = Path(__file__).resolve().parents[2]
STEPS, EVERY = 90, 25
MODEL = MultiTaskModel(Hierarchical(), Gaussian())

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.inference.test_faults import MODEL, svi
from tests.inference.cases import rows

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

path, moment = sys.argv[1:]
if moment == "in a step":
    on_step = lambda step, loss: kill() if step == 60 else None
else:
    # the second checkpoint is written beside its place, and never gets there
    replace = os.replace
    os.replace = lambda source, target: kill() if Path(target).exists() else replace(source, target)
    on_step = None
svi(path, on_step).run(MODEL, rows(), seed=3)
"""

INTERRUPTED = """
import os, signal, threading
import nutpie
from bayes_mtl.inference import NUTS, Collapsed
from tests.inference.test_faults import MODEL
from tests.inference.cases import rows

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
sample = nutpie.sample

def interrupted(*arguments, **settings):
    threading.Timer(3.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    return sample(*arguments, **settings)

nutpie.sample = interrupted
for warmup in (2, 10**6):
    chains = NUTS(draws=10**6, warmup=warmup, chains=2, compile=False, progress=False)
    try:
        posterior = Collapsed(chains).run(MODEL, rows())
    except KeyboardInterrupt:
        print("none")
    else:
        print(posterior.record.stopped, all(bool(v.isfinite().all()) for v in posterior.draws.values()))
"""


def svi(checkpoint: str | None = None, on_step: object = None) -> SVI:
    return SVI(
        steps=STEPS, draws=30, batch_size=16, compile=False, progress=False,
        checkpoint=checkpoint, checkpoint_every=EVERY, on_step=on_step,
    )  # fmt: skip


def same(one: Posterior, other: Posterior) -> bool:
    return one.draws.keys() == other.draws.keys() and all(
        torch.equal(value, other.draws[name]) for name, value in one.draws.items()
    )


@pytest.mark.parametrize("moment", ["in a step", "in a write"])
def test_a_killed_fit_goes_on_as_if_nothing_had_happened(moment: str, tmp_path: Path) -> None:
    path = str(tmp_path / "checkpoint")
    ended = subprocess.run([sys.executable, "-c", KILLED, path, moment], cwd=ROOT, timeout=300, check=False)
    assert ended.returncode == -signal.SIGKILL
    resumed, whole = (svi(where).run(MODEL, rows(), seed=3) for where in (path, None))
    assert len(resumed.record.losses) == STEPS
    assert list(resumed.record.losses) == list(whole.record.losses)
    assert same(resumed, whole)


def test_ctrl_c_keeps_the_draws_of_chains_and_no_others() -> None:
    """In the draws, then in the warm-up."""
    command = [sys.executable, "-W", "ignore", "-c", INTERRUPTED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split("\n")[:2] == ["interrupted True", "none"], done.stderr


def test_chains_of_different_lengths_give_most_draws() -> None:
    points = np.zeros((3, 10, 2))
    points[0, 4:], points[1, 9:] = np.nan, np.nan  # 4, 9 and 10 draws
    chains, number = complete(points)
    assert (chains.tolist(), number) == ([1, 2], 9)
    with pytest.raises(KeyboardInterrupt):
        complete(np.full((2, 5, 1), np.nan))


def test_a_full_disk_leaves_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    posterior = Collapsed(draws=5).run(MODEL, rows())
    posterior.save(tmp_path / "posterior")

    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"the first part")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("safetensors.torch.save_file", full)
        with pytest.raises(FileError, match=r"No space left on device.*has room"):
            posterior.save(tmp_path / "posterior")
        with pytest.raises(FileError, match="No space left on device"):
            svi(str(tmp_path / "checkpoint")).run(MODEL, rows())
    assert [file.name for file in tmp_path.iterdir()] == ["posterior"]
    assert same(load(tmp_path / "posterior"), posterior)


def test_fits_in_threads_do_not_touch_each_other() -> None:
    def work(seed: int) -> Posterior:
        fitted = (svi() if seed % 2 else Collapsed(draws=20)).run(MODEL, rows(), seed=seed)
        assert fitted.predict(rows(), seed=seed).draws is None
        fitted.log_likelihood(rows())
        return fitted

    one_by_one = [work(seed) for seed in range(4)]
    torch.manual_seed(5)
    state = torch.get_rng_state()
    with ThreadPoolExecutor(4) as threads:
        at_once = list(threads.map(work, range(4)))
    assert all(same(one, other) for one, other in zip(one_by_one, at_once, strict=True))
    assert torch.equal(torch.get_rng_state(), state)


def test_an_error_in_one_thread_lets_the_others_go_on() -> None:
    def fail() -> None:
        with seeded(0):
            raise RuntimeError

    with ThreadPoolExecutor(2) as threads:
        failed = threads.submit(fail)
        assert isinstance(failed.exception(), RuntimeError)
        found = threads.submit(lambda: Collapsed(draws=3).run(MODEL, rows())).result(timeout=120)
    assert found.number == 3
