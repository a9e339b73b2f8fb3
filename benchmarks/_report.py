"""Rows of a benchmark: printed as a table, written as JSON with what it ran on."""

import argparse
import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Row:
    """One measured number."""

    case: str
    method: str
    metric: str
    value: float
    sd: float | None = None
    unit: str = ""


@dataclass
class Report:
    """Collects rows; `finish` prints and writes them."""

    name: str
    rows: list[Row] = field(default_factory=list)

    def add(
        self, case: str, method: str, metric: str, value: float, sd: float | None = None, unit: str = ""
    ) -> None:
        """Add one number, and show it at once: long benchmarks are watched."""
        row = Row(case, method, metric, float(value), None if sd is None else float(sd), unit)
        self.rows.append(row)
        spread = "" if row.sd is None else f" ± {row.sd:.3g}"
        print(f"{case:28} {method:28} {metric:26} {row.value:>12.5g}{spread} {unit}", flush=True)

    def finish(self) -> Path:
        """Write ``build/benchmarks/NAME.json``."""
        folder = ROOT / "build" / "benchmarks"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        content = {"meta": meta(), "rows": [asdict(row) for row in self.rows]}
        path.write_text(json.dumps(content, indent=1) + "\n")
        print(f"written: {path.relative_to(ROOT)}; ran on {content['meta']}")
        return path


def meta() -> dict[str, str]:
    """Date, device, versions and threads."""
    return {
        "date": date.today().isoformat(),
        "device": f"{platform.machine()} CPU, {os.cpu_count()} cores",
        **({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}),
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        **{name: version(name) for name in ("bayes-mtl", "torch", "pyro-ppl", "numpy") if _installed(name)},
    }


def _installed(name: str) -> bool:
    try:
        version(name)
    except ModuleNotFoundError:
        return False
    return True


def arguments(description: str, **more: tuple[int, str]) -> argparse.Namespace:
    """The arguments that every benchmark takes, and numbers of its own: default and help by name."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a small part, to see that it runs")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default 2)")
    parser.add_argument("--only", nargs="*", default=[], help="methods whose name contains one of these")
    for name, (default, text) in more.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=text)
    found = parser.parse_args()
    torch.set_num_threads(found.threads)
    return found


def outside_data(name: str) -> Path | None:
    """Folder of data that is not part of the project, or None with a word about it."""
    folder = Path(os.environ.get("BAYES_MTL_DATA", ROOT.parent / "shared" / "data")) / name
    if folder.exists():
        return folder
    print(f"skipped: no folder {name!r} in BAYES_MTL_DATA")
    return None
