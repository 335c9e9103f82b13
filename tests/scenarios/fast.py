"""What takes a simulator without sanitizers, which `./dev test` builds and names in STEWARD_FAST: the whole catalogue, thousands of seeds
and crash points.

usage: fast.py --out DIR   exit 77 without STEWARD_FAST
"""
import argparse
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEEDS = 5000
AT_MOST = "300s"  # a slow machine plays fewer
EVERY = 20  # crash points; the hand-overs have about a thousand


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="where the shrunk scenarios of failing seeds go")
    given = parser.parse_args()
    steward = os.environ.get("STEWARD_FAST")
    if not steward:
        print("STEWARD_FAST names no program: `./dev test` builds it")
        return 77
    paths = sorted(map(str, (ROOT / "tests/sim/crashes").glob("*.yaml")))
    runs = (
        [sys.executable, "-B", str(ROOT / "tests/scenarios/run.py"), "--steward", steward],
        [steward, "simulate", "random", "--seeds", str(SEEDS), "--for", AT_MOST, "--out", given.out],
        [steward, "simulate", "crashes", "--every", str(EVERY), *paths],
    )
    return max(subprocess.run(run, check=False).returncode for run in runs)


if __name__ == "__main__":
    sys.exit(main())
