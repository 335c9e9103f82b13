"""Runs the scenarios beside this file with the real engine in virtual time, and holds the list of what comes later to its word.

With STEWARD_FAST, a simulator without sanitizers that fast.py runs them all with, `--sample N` takes every Nth file: under ASan the
whole catalogue costs ten minutes of processor, without it eight seconds.

usage: run.py --steward PROGRAM [--groups ABC] [--sample N]
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def read_later(path):
    """{"A02": "reason"}; every line is an id and why this version cannot do it."""
    later = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, reason = line.partition(" ")
        if not reason.strip() or name in later:
            sys.exit(f"{path}:{number}: an id and a reason, each once")
        later[name] = reason.strip()
    return later


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steward", required=True)
    parser.add_argument("--groups", default="", help="first letters of the ids; all without")
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="with STEWARD_FAST only every Nth file")
    given = parser.parse_args()
    later = read_later(HERE / "later.txt")
    files = sorted(HERE.glob("*.yaml"))
    unknown = set(later) - {f.name.split("-")[0] for f in files}
    if unknown:
        sys.exit(f"later.txt names scenarios that do not exist: {', '.join(sorted(unknown))}")
    if given.groups:
        files = [f for f in files if f.name[0] in given.groups]
    if os.environ.get("STEWARD_FAST"):
        files = files[::given.sample]
    now = [str(f) for f in files if f.name.split("-")[0] not in later]
    wrong = 0
    if subprocess.run([given.steward, "simulate", "run", *now], check=False).returncode != 0:
        wrong += 1
    put_off = [str(f) for f in files if f.name.split("-")[0] in later]
    if put_off:
        done = subprocess.run([given.steward, "simulate", "run", "-o", "json", *put_off], capture_output=True, text=True, check=False)
        for report in json.loads(done.stdout):
            if report["holds"]:
                print(f"{report['id']} {report['name']} holds: take it out of later.txt")
                wrong += 1
    print(f"{len(now)} scenarios run, {len(put_off)} left for later with a reason")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
