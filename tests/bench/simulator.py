"""The simulated cluster at its largest: 32 nodes and 10,000 guests. How long the whole list takes, how many requests one core
answers, what it keeps in memory, how fast it is saved. Processor time is the server's own, so the client beside it does not count."""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from site_under_test import Site  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid):
    """User and system time of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def one_after_the_other(site, token, path, count):
    """Seconds on the clock and bytes of one request after the other on one connection, as curl sees them."""
    with tempfile.NamedTemporaryFile("w", suffix=".curl") as config:
        url = site.ready["nodes"][0]["url"] + "/api2/json" + path
        config.write(f'cacert = "{site.ready["ca_file"]}"\nheader = "Authorization: PVEAPIToken={token}"\nsilent\nfail\n'
                     'write-out = "%{time_starttransfer} %{time_total} %{size_download}\\n"\n'
                     + f'url = "{url}"\noutput = "/dev/null"\n' * count)
        config.flush()
        done = subprocess.run(["curl", "-K", config.name], capture_output=True, text=True, timeout=300, check=True)
    return [[float(figure) for figure in line.split()] for line in done.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--guests", type=int, default=10000)
    parser.add_argument("--nodes", type=int, default=32)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--lists", type=int, default=21)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="steward-bench-") as folder:
        state = pathlib.Path(folder) / "state.json"
        began = time.monotonic()
        with Site(given.bin, speed=1, guests=str(given.guests),
                  simulator_options=["--nodes", str(given.nodes), "--state", str(state)]) as site:
            started = time.monotonic() - began
            pid = site.processes["simulator"].pid
            token = pathlib.Path(site.ready["token_file"]).read_text().strip()
            print(f"{given.nodes} nodes, {given.guests} guests: ready after {started:.1f} s, {memory(pid, 'VmRSS'):.0f} MiB")

            everything = "/cluster/resources"
            one_after_the_other(site, token, everything, 2)
            used = processor_seconds(pid)
            rows = one_after_the_other(site, token, everything, given.lists)
            used = (processor_seconds(pid) - used) / len(rows)
            first = statistics.median(row[0] for row in rows) * 1000
            total = statistics.median(row[1] for row in rows) * 1000
            print(f"/cluster/resources, {rows[0][2] / 1e6:.1f} MB: first byte after {first:.1f} ms, all of it {total:.1f} ms "
                  f"(median of {len(rows)}; slowest {max(row[1] for row in rows) * 1000:.1f} ms), {used * 1000:.1f} ms of processor")

            endpoint = site.ready["nodes"][0]["url"].removeprefix("https://")
            command = [given.bench, "--endpoint", endpoint, "--token-file", site.ready["token_file"], "--ca-file", site.ready["ca_file"],
                       "--requests", str(given.requests), "--at-once", "8"]
            used = processor_seconds(pid)
            began = time.monotonic()
            subprocess.run(command, check=True, timeout=300)
            took = time.monotonic() - began
            used = processor_seconds(pid) - used
            print(f"/version, 8 at once: {given.requests / took:.0f} requests/s beside the client, "
                  f"{given.requests / used:.0f} on one core ({used / given.requests * 1e6:.0f} µs each)")
            for path, count in [("/nodes/n2/lxc", 50), ("/nodes/n2/lxc/101/status/current", 1000), ("/nodes/n2/lxc/101/config", 1000)]:
                used = processor_seconds(pid)
                rows = one_after_the_other(site, token, path, count)
                used = (processor_seconds(pid) - used) / count
                print(f"{path} by way of n1, {rows[0][2]:.0f} bytes: {used * 1e6:.0f} µs of processor, {1 / used:.0f} requests/s on one core")
            print(f"largest so far: {memory(pid, 'VmHWM'):.0f} MiB")
            began = time.monotonic()
            site.stop("simulator", limit=120)
            saved = time.monotonic() - began
        size = state.stat().st_size
        began = time.monotonic()
        with Site(given.bin, speed=1, guests="1", simulator_options=["--state", str(state)]):
            loaded = time.monotonic() - began
        print(f"saved in {saved:.1f} s ({size / 1e6:.1f} MB), ready again from the file after {loaded:.1f} s")


if __name__ == "__main__":
    main()
