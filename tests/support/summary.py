"""Prints `N passed, N failed` from ctest's JUnit report, and exits 0 only when something ran and nothing failed.

usage: summary.py REPORT CTEST_EXIT_CODE
"""
import sys
import xml.etree.ElementTree


def counts(report):
    """(passed, failed, skipped): a test that could not be started counts as failed, one that skips itself does not."""
    passed = failed = skipped = 0
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        status = case.get("status")
        skip = case.find("skipped")
        if status == "run":
            passed += 1
        elif status == "disabled" or (skip is not None and skip.get("message", "").startswith("SKIP_")):
            skipped += 1
        else:
            failed += 1
    return passed, failed, skipped


def main():
    report, exit_code = sys.argv[1], int(sys.argv[2])
    try:
        passed, failed, skipped = counts(report)
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        print(f"no usable test report: {error}")
        passed, failed, skipped = 0, 1, 0
    if failed == 0 and (exit_code != 0 or passed == 0):
        print(f"ctest ended with {exit_code} and {passed} tests passed: counted as one failure")
        failed = 1
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
