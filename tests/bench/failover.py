"""How long a hand-over takes beyond its tasks: the sum of all phases from `claimed` to the start, less what the simulated
tasks take by themselves. Real processes over HTTPS; waiting for probes is not counted."""
import argparse
import json
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from site_under_test import Site  # noqa: E402

STOP, RESTORE, START = 1.0, 3.0, 1.0
COUNTED = ("confirming", "claimed", "stopping", "isolating", "parked", "restoring", "restored", "starting")


def one_run(binaries):
    with Site(binaries, speed=1, guests="ct102@n2", simulator_options=(
            "--stop-time", f"{STOP:g}s", "--restore-time", f"{RESTORE:g}s", "--start-time", f"{START:g}s")) as site:
        site.write_config(interval="500ms", restarts=0, guests=("ct/102",))
        site.start_guard()
        site.start_daemon()
        site.wait_until_up("ct/102")
        site.fault("guest ct102 crash")
        site.wait_for_state("ct/102", "done", 60)
        story = site.ask("why", "ct/102")["story"]
        return {line["state"]: line["took_ms"] for line in story if line["state"] in COUNTED}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    runs = [one_run(given.bin) for _ in range(given.runs)]
    overheads = [sum(run.values()) - 1000 * (STOP + RESTORE + START) for run in runs]
    figures = {"runs": given.runs, "overhead_ms_min": min(overheads), "overhead_ms_median": statistics.median(overheads),
               "overhead_ms_max": max(overheads)}
    if given.json:
        print(json.dumps(figures))
        return 0
    print(f"one hand-over, beyond {STOP:g} s stop + {RESTORE:g} s restore + {START:g} s start, {given.runs} runs")
    for state in COUNTED:
        print(f"  {state:<12} {statistics.median(run.get(state, 0) for run in runs):8.0f} ms")
    print(f"  overhead     {figures['overhead_ms_median']:8.0f} ms median ({figures['overhead_ms_min']:.0f} to {figures['overhead_ms_max']:.0f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
