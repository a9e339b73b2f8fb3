"""All benchmarks, one after the other: ``python -m benchmarks [--quick]``."""

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Run each module of this package that is a benchmark, in a process of its own."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    for name in names:
        print(f"\n== {name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
