"""Thousands of mixed checks by Steward, and the same work by HAProxy's health checks and by prometheus-blackbox-exporter, one after
the other against the same nginx. Processor time per check is read from /proc over the same span for all three; how many checks were
really made is what nginx counted. Ratios between programs of one run are the figure: these machines are noisy.

HAProxy cannot ping, so beside it only TCP and HTTP are compared. The exporter has no schedule of its own: it is asked over HTTP, as
Prometheus asks it, and its share of that request is part of what a check costs there.
"""
import argparse
import asyncio
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

FIRST_PORT, PORTS, STATUS_PORT, EXPORTER_PORT, HAPROXY_PORT = 21000, 64, 20999, 20998, 20997
TICK = os.sysconf("SC_CLK_TCK")
REQUESTERS = 8  # connections that ask the exporter


class Running:
    """A program that is measured from outside, and ended with the block."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def resident_mib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0


def nginx(folder):
    listens = "\n".join(f"listen 127.0.0.1:{FIRST_PORT + i} backlog=4096;" for i in range(PORTS))
    (folder / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {folder}/nginx.pid; error_log /dev/null crit;
events {{ worker_connections 20000; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{ {listens}  return 200 "good\\n"; }}
  server {{ listen 127.0.0.1:{STATUS_PORT}; location / {{ stub_status; }} }}
}}""")
    return Running("nginx", "-e", "/dev/null", "-c", str(folder / "nginx.conf"))


def connections():
    """How many nginx has accepted so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{STATUS_PORT}/", timeout=5) as answer:
        return int(answer.read().splitlines()[2].split()[0])


def wait_until_answers(port):
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).read()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing answers on 127.0.0.1:{port}")


def measured(program, seconds, settle=2.0):
    time.sleep(settle)
    cpu, made, began = program.cpu_seconds(), connections(), time.monotonic()
    time.sleep(seconds)
    wall = time.monotonic() - began
    if program.process.poll() is not None:
        sys.exit(f"{program.process.args[0]} ended by itself: {' '.join(program.process.args)}")
    return {"cpu_s": program.cpu_seconds() - cpu, "checks": connections() - made, "wall_s": wall, "rss_mib": program.resident_mib()}


def steward(given, kinds):
    """Its own figures: only it knows how late a check began."""
    command = [given.bench, "--checks", str(given.checks), "--seconds", str(given.seconds), "--kinds", kinds, "--listeners", str(PORTS),
               "--first-port", str(FIRST_PORT), "--json"]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {"cpu_s": figures["cpu"] / 100 * figures["wall"], "checks": figures["probes"], "wall_s": figures["wall"],
            "rss_mib": figures["rss"], "late_ms_p999": figures["late_start_p999"], "late_over_100ms": figures["late_start_over_100ms"],
            "not_healthy": figures["probes_not_healthy"]}


def haproxy(given, folder):
    half = given.checks // 2
    servers = [f"  server s{i} 127.0.0.1:{FIRST_PORT + i % PORTS} check inter 1s" for i in range(given.checks)]
    (folder / "haproxy.cfg").write_text(
        "global\n  maxconn 1000\n  nbthread 1\n  spread-checks 0\ndefaults\n  timeout connect 3s\n  timeout client 3s\n"
        "  timeout server 3s\n  timeout check 3s\n"
        f"frontend without-which-it-does-not-start\n  bind 127.0.0.1:{HAPROXY_PORT}\nbackend tcp\n  mode tcp\n" + "\n".join(servers[:half]) +
        "\nbackend http\n  mode http\n  option httpchk GET /\n" + "\n".join(servers[half:]) + "\n")
    with Running("haproxy", "-db", "-f", str(folder / "haproxy.cfg")) as program:
        figures = measured(program, given.seconds)
    # Its TCP checks answer the handshake's second step with a reset, so that nginx counts only the HTTP half.
    figures["checks"] *= 2
    return figures


async def read_chunks(reader):
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body


async def ask_for_ever(pace, kinds):
    """One connection to the exporter that asks for a probe per beat."""
    reader, writer = await asyncio.open_connection("127.0.0.1", EXPORTER_PORT)
    beat = time.monotonic()
    number = 0
    while True:
        kind = kinds[number % len(kinds)]
        port = FIRST_PORT + number % PORTS
        target = {"tcp": f"127.0.0.1:{port}", "http": f"http://127.0.0.1:{port}/", "icmp": "127.0.0.1"}[kind]
        writer.write(f"GET /probe?module={kind}&target={target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = [int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length")]
        body = await reader.readexactly(length[0]) if length else await read_chunks(reader)
        if b"probe_success 1" not in body:
            raise RuntimeError(f"the exporter could not probe {target}: {body.decode()[-300:]}")
        ASKED[0] += 1
        number += 1
        beat += pace
        await asyncio.sleep(max(0.0, beat - time.monotonic()))


ASKED = [0]


async def ask_exporter(program, given, kinds):
    askers = [asyncio.create_task(ask_for_ever(REQUESTERS / given.asked_per_second, kinds)) for _ in range(REQUESTERS)]
    await asyncio.sleep(2)
    cpu, made, began = program.cpu_seconds(), ASKED[0], time.monotonic()
    done, _ = await asyncio.wait(askers, timeout=given.seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()  # why it ended
    out = {"cpu_s": program.cpu_seconds() - cpu, "checks": ASKED[0] - made, "wall_s": time.monotonic() - began,
           "rss_mib": program.resident_mib()}
    for task in askers:
        task.cancel()
    return out


def exporter(given, folder, kinds):
    (folder / "blackbox.yml").write_text(
        "modules:\n  tcp: {prober: tcp, timeout: 3s}\n  http: {prober: http, timeout: 3s}\n"
        "  icmp: {prober: icmp, timeout: 3s, icmp: {preferred_ip_protocol: ip4}}\n")
    with Running("prometheus-blackbox-exporter", "--config.file", str(folder / "blackbox.yml"),
                 "--web.listen-address", f"127.0.0.1:{EXPORTER_PORT}", "--log.level", "error") as program:
        wait_until_answers(EXPORTER_PORT)
        return asyncio.run(ask_exporter(program, given, kinds))


def per_check_us(figures):
    return 1e6 * figures["cpu_s"] / figures["checks"] if figures["checks"] else 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", required=True, help="the program bench_probes")
    parser.add_argument("--checks", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--asked-per-second", type=int, default=600, help="of the exporter: more than that is the asker's limit")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with nginx(folder):
            wait_until_answers(STATUS_PORT)
            rows["steward tcp+http"] = steward(given, "tcp,http")
            if shutil.which("haproxy"):
                rows["haproxy tcp+http"] = haproxy(given, folder)
            rows["steward tcp+http+icmp"] = steward(given, "tcp,http,icmp")
            if shutil.which("prometheus-blackbox-exporter"):
                rows["blackbox tcp+http+icmp"] = exporter(given, folder, ("tcp", "http", "icmp"))
    for row in rows.values():
        row["us_per_check"] = per_check_us(row)
    if given.json:
        print(json.dumps(rows))
        return 0
    for name, row in rows.items():
        late = f"  late start p99.9 {row['late_ms_p999']:.1f} ms, {row['late_over_100ms']:.0f} over 100 ms, {row['not_healthy']:.0f} not healthy" \
            if "late_ms_p999" in row else ""
        print(f"{name:<24}{row['checks'] / row['wall_s']:8.0f} checks/s {row['us_per_check']:8.1f} us CPU each {row['rss_mib']:7.1f} MiB{late}")
    for other, ours in (("haproxy tcp+http", "steward tcp+http"), ("blackbox tcp+http+icmp", "steward tcp+http+icmp")):
        if other in rows:
            print(f"{other.split()[0]} takes {rows[other]['us_per_check'] / rows[ours]['us_per_check']:.2f} times Steward's processor per check")
    return 0


if __name__ == "__main__":
    sys.exit(main())
