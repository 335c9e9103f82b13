"""The last line of `./dev test` must not be able to hide a failure: tries tests/support/summary.py on reports."""
import pathlib
import subprocess
import sys
import tempfile

import source

SUMMARY = pathlib.Path(__file__).parents[1] / "support" / "summary.py"
PASSED = '<testcase name="a" status="run"/>'
FAILED = '<testcase name="b" status="fail"><failure message=""/></testcase>'
NOT_STARTED = '<testcase name="c" status="notrun"><skipped message="Unable to find executable"/></testcase>'
SKIPPED = '<testcase name="d" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>'


def self_test():
    rows = [  # report, ctest's exit code, last line, exit code
        (PASSED + PASSED, 0, "2 passed, 0 failed", 0),
        (PASSED + FAILED, 8, "1 passed, 1 failed", 1),
        (PASSED + NOT_STARTED, 8, "1 passed, 1 failed", 1),
        (PASSED + SKIPPED, 0, "1 passed, 0 failed", 0),
        (PASSED, 8, "1 passed, 1 failed", 1),
        ("", 0, "0 passed, 1 failed", 1),
        ("<", 0, "0 passed, 1 failed", 1),
        (None, 8, "0 passed, 1 failed", 1),
    ]
    for cases, exit_code, line, wanted in rows:
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "junit.xml"
            if cases is not None:
                report.write_text(f"<testsuite>{cases}</testsuite>")
            run = subprocess.run([sys.executable, SUMMARY, report, str(exit_code)], capture_output=True, text=True)
            last = run.stdout.rstrip("\n").split("\n")[-1]
            if (last, run.returncode) != (line, wanted):
                yield f"{cases!r}: {last!r}, exit {run.returncode}"


if __name__ == "__main__":
    source.finish("counting", self_test, lambda root: [])
