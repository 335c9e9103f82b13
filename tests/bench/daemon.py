"""What people feel of a daemon with a lot to do: how long `steward status` takes with 1,000 guests, and how long a reload of 10,000
checks holds it and whether a check is lost meanwhile. Real processes: a simulated cluster over HTTPS, `stewardd`, the CLI; the checks
go to nginx on loopback, which counts them."""
import argparse
import json
import pathlib
import re
import signal
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE)]
from checks import FIRST_PORT, PORTS, STATUS_PORT, connections, nginx, wait_until_answers  # noqa: E402
from site_under_test import Site  # noqa: E402

FIRST_VMID = 100
INTERVAL_S = 10


def write_config(site, guests, checks_each, timeout="3s"):
    """Every guest with so many TCP checks. Another timeout makes every check another check."""
    site.write_config(guests=(), interval=f"{INTERVAL_S}s", check=f"timeout: {timeout}, rise: 2, fall: 3")
    lines = []
    for guest in range(guests):
        targets = (FIRST_PORT + (guest * checks_each + n) % PORTS for n in range(checks_each))
        kind = "ct"
        lines.append(f"  {kind}/{FIRST_VMID + guest}:\n    checks: [" +
                     ", ".join(f'{{name: c{n}, tcp: "127.0.0.1:{port}"}}' for n, port in enumerate(targets)) + "]")
    with open(site.config, "a", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")


def reload(site):
    """Milliseconds from the signal until the daemon says that the new configuration is in force, and for how many of them everything
    else in it had to wait."""
    before = site.log().count("config.reloaded")
    began = time.monotonic()
    site.processes["stewardd"].send_signal(signal.SIGHUP)
    while site.log().count("config.reloaded") == before:
        if "config.rejected" in site.log():
            sys.exit("the configuration was rejected:\n" + site.log()[-2000:])
        time.sleep(0.002)
    took = 1000 * (time.monotonic() - began)
    return took, int(re.findall(r"held_ms=\"?(\d+)", site.log())[-1])


def checks_in(seconds):
    before = connections()
    time.sleep(seconds)
    return connections() - before


def status_ms(site, runs):
    times = []
    for _ in range(runs):
        began = time.monotonic()
        done = site.cli("status", "-o", "json")
        times.append(1000 * (time.monotonic() - began))
        if len(json.loads(done.stdout)["guests"]) == 0:
            sys.exit("status names no guest")
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--guests", type=int, default=1000)
    parser.add_argument("--checks-each", type=int, default=10)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with Site(given.bin, speed=1, guests=str(given.guests), mode="observe") as site, nginx(site.directory):
        wait_until_answers(STATUS_PORT)
        write_config(site, given.guests, given.checks_each)
        site.start_daemon()
        time.sleep(INTERVAL_S + 3)  # every check has been made
        statuses = status_ms(site, given.runs)
        quiet = checks_in(INTERVAL_S)
        same = []
        before = connections()
        began = time.monotonic()
        for _ in range(3):
            same.append(reload(site))
        time.sleep(max(0.0, INTERVAL_S - (time.monotonic() - began)))
        over_reload = connections() - before
        write_config(site, given.guests, given.checks_each, timeout="2900ms")
        other = reload(site)
        figures = {"guests": given.guests, "checks": given.guests * given.checks_each, "status_ms_median": statistics.median(statuses),
                   "status_ms_max": max(statuses), "reload_same_ms_median": statistics.median(took for took, _ in same), "reload_same_held_ms": max(held for _, held in same),
                   "reload_all_changed_ms": other[0], "reload_all_changed_held_ms": other[1],
                   "checks_in_10s_quiet": quiet, "checks_in_10s_with_3_reloads": over_reload}
    if given.json:
        print(json.dumps(figures))
        return 0
    for name, value in figures.items():
        print(f"{name:<32}{value:10.1f}" if isinstance(value, float) else f"{name:<32}{value:10}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
