"""Requests per second and processor time per request over kept-alive TLS against the simulated cluster: our client beside
curl and python3-proxmoxer, in turns. Each figure is the median of the rounds; the whole process counts, from start to end."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from site_under_test import Site  # noqa: E402

PROXMOXER = """
import sys
from proxmoxer import ProxmoxAPI
host, port, user, name, value, ca, path, count = sys.argv[1:]
pve = ProxmoxAPI(host, port=int(port), user=user, token_name=name, token_value=value, verify_ssl=ca)
for _ in range(int(count)):
    pve.get(path)
"""


def python_with_proxmoxer():
    """Debian's package belongs to Debian's interpreter, which need not be the first in PATH."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import proxmoxer"], capture_output=True, check=False).returncode == 0:
            return python
    raise SystemExit("python3-proxmoxer is not installed")


def measured(command):
    """Seconds on the clock and of processor of one command."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    took = time.monotonic() - began  # bounded: each command makes a fixed number of requests, each with a time limit
    if status != 0:
        raise SystemExit(f"{command[0]}: status {status}")
    return took, used.ru_utime + used.ru_stime


def commands(given, site, folder):
    url = site.ready["nodes"][0]["url"].rstrip("/")
    endpoint = url.removeprefix("https://")
    host, port = endpoint.rsplit(":", 1)
    token = pathlib.Path(site.ready["token_file"]).read_text().strip()
    ca = site.ready["ca_file"]
    ours = [given.bench, "--endpoint", endpoint, "--token-file", site.ready["token_file"], "--ca-file", ca,
            "--requests", str(given.requests)]
    known = {}
    for path, large in (("/version", []), ("/cluster/resources", ["--large"])):
        known[f"steward {path}"] = [*ours, *large]
        known[f"steward {path}, 8 at once"] = [*ours, *large, "--at-once", "8"]
        config = folder / f"curl{len(known)}"
        config.write_text(f'cacert = "{ca}"\nheader = "Authorization: PVEAPIToken={token}"\nsilent\nfail\n'
                          + f'url = "{url}/api2/json{path}"\noutput = "/dev/null"\n' * given.requests)
        known[f"curl {path}"] = ["curl", "-K", str(config)]
        user, rest = token.split("!", 1)
        name, value = rest.split("=", 1)
        known[f"proxmoxer {path}"] = [python_with_proxmoxer(), "-c", PROXMOXER, host, port, user, name, value, ca, path.lstrip("/"), str(given.requests)]
    return known


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with Site(given.bin) as site, tempfile.TemporaryDirectory() as folder:
        known = commands(given, site, pathlib.Path(folder))
        results = {name: [] for name in known}
        for _ in range(given.rounds):
            for name, command in known.items():
                results[name].append(measured(command))
    figures = {name: {"requests_per_s": round(given.requests / statistics.median(t for t, _ in runs)),
                      "cpu_ms_per_request": round(1000 * statistics.median(c for _, c in runs) / given.requests, 3),
                      "requests_per_s_min": round(given.requests / max(t for t, _ in runs)),
                      "requests_per_s_max": round(given.requests / min(t for t, _ in runs))} for name, runs in results.items()}
    if given.json:
        print(json.dumps(figures))
        return
    print(f"{'':<44}{'requests/s':>12}{'(min to max)':>18}{'CPU ms each':>14}")
    for name, f in figures.items():
        spread = f"{f['requests_per_s_min']} to {f['requests_per_s_max']}"
        print(f"{name:<44}{f['requests_per_s']:>12}{spread:>18}{f['cpu_ms_per_request']:>14}")


if __name__ == "__main__":
    main()
