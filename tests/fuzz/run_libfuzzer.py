"""Runs one libFuzzer program for a while over a corpus, and fails when it finds something.

usage: run_libfuzzer.py [--seconds N] PROGRAM CORPUS

Without the program there is nothing to run: skipped (77), unless STEWARD_FUZZER=required, as `./dev test` sets it once it
has found a Clang. What it found is printed as hexadecimal, and kept beside the program.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("corpus", type=pathlib.Path)
    wanted = parser.parse_args()
    if not wanted.program.exists():
        print(f"{wanted.program} is not there: ./dev test builds it where Clang can be installed")
        return 1 if os.environ.get("STEWARD_FUZZER") == "required" else 77
    found = wanted.program.parent / (wanted.program.name + ".found")
    found.mkdir(exist_ok=True)
    for old in found.iterdir():
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="steward-fuzz-") as scratch:
        # What is new goes to the first folder: the repository's corpus stays as it is.
        done = subprocess.run([str(wanted.program), f"-max_total_time={wanted.seconds}", "-rss_limit_mb=2048", "-timeout=20",
                               "-max_len=16384", "-print_final_stats=1", f"-artifact_prefix={found}/", scratch,
                               str(wanted.corpus)], capture_output=True, text=True, errors="replace", check=False)
    lines = done.stderr.splitlines()
    stats = [line for line in lines if line.startswith("stat::") or line.startswith("Done ")]
    coverage = [line for line in lines if re.match(r"#\d+\s", line)][-1:]
    print("\n".join(coverage + stats))
    runs = next((int(line.split()[1]) for line in lines if line.startswith("Done ")), 0)
    if done.returncode == 0 and runs > 1000:
        return 0
    print("\n".join(lines[-80:]))
    for one in sorted(found.iterdir()):
        print(f"--- {one}\n{one.read_bytes()[:4096].hex()}")
    print(f"{wanted.program.name} left with {done.returncode} after {runs} runs")
    return 1


if __name__ == "__main__":
    sys.exit(main())
