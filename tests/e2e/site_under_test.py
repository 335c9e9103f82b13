"""The real processes against a simulated cluster: `steward simulate serve`, steward-guard, stewardd, and the CLI."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

NODES = ("n1", "n2", "n3")


class Failed(Exception):
    """An expectation did not hold."""


class Site:
    """A simulated three-node cluster in a directory of its own, with a guard and a daemon that can be killed and started."""

    def __init__(self, binaries, speed=20, guests="ct101@n1,ct102@n2,vm103@n3", mode="armed", echo=False, simulator_options=()):
        self.binaries = pathlib.Path(binaries).resolve()
        # Unix socket paths are short: not below a deep build directory.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="steward-e2e-"))
        self.echo = echo
        self.processes = {}
        self.logs = {}
        self.mode = mode
        self.config = self.directory / "steward.yaml"
        self.ready = self._start_simulator(speed, guests, simulator_options)
        self.addresses = {g["guest"]: g["address"] for g in self.ready["guests"]}

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for name in ("stewardd", "guard", "simulator"):
            self.stop(name)
        if kind is None:
            subprocess.run(["rm", "-rf", str(self.directory)], check=True)
        else:
            for name, log in self.logs.items():
                print(f"--- end of {name}'s log\n" + "\n".join(log.read_text(errors="replace").splitlines()[-60:]))

    # ---- processes

    def _spawn(self, name, command, stdout=None):
        log = self.directory / f"{name}.log"
        self.logs[name] = log
        with open(log, "ab") as sink:
            process = subprocess.Popen([*self.place_of(name), str(self.binaries / command[0]), *command[1:]],
                                       stdin=subprocess.DEVNULL, stdout=stdout or sink, stderr=sink)
        self.processes[name] = process
        return process

    def way(self, endpoint=None):
        """The options with which a command finds this cluster without a configuration file."""
        endpoint = endpoint or self.ready["nodes"][0]["url"].removeprefix("https://")
        return ["--endpoint", endpoint, "--token-file", self.ready["token_file"], "--ca-file", self.ready["ca_file"]]

    def place_of(self, name):
        """What a process's command begins with to run elsewhere than here."""
        return []

    def _start_simulator(self, speed, guests, options):
        process = self._spawn("simulator", ["steward", "simulate", "serve", "--dir", str(self.directory), "--listen", "127.0.0.1:0",
                                            "--speed", str(speed), "--guests", guests, *options], stdout=subprocess.PIPE)
        line = process.stdout.readline()
        if not line:
            raise Failed("the simulator did not start:\n" + self.logs["simulator"].read_text())
        return json.loads(line)

    def start_guard(self):
        self._spawn("guard", ["steward-guard", "--pve-dir", self.ready["pve_root"], "--socket", str(self.directory / "guard.sock"),
                              "--allow-user", str(os.getuid()), "--node", "n1"])
        self.wait("the guard's socket", lambda: (self.directory / "guard.sock").exists(), 20)

    def start_daemon(self):
        process = self._spawn("stewardd", ["stewardd", "--config", str(self.config)])
        self.wait("the daemon's control socket", lambda: self.ask("status") is not None or process.poll() is not None, 30)
        if process.poll() is not None:
            raise Failed(f"stewardd left with {process.returncode}:\n" + self.logs["stewardd"].read_text())

    def kill(self, name):
        """As the power would: SIGKILL."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self, name, limit=20):
        """SIGTERM; returns how long it took and the exit status. Nothing to do when it is not running."""
        process = self.processes.pop(name, None)
        if process is None:
            return 0, 0
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failed(f"{name} did not leave within {limit} s of SIGTERM") from None
        return time.monotonic() - began, status

    # ---- configuration

    def write_config(self, interval="500ms", check="timeout: 400ms, rise: 2, fall: 2", restarts=1, settle="5s",
                     guests=("ct/101", "ct/102"), extra="", failover="", fingerprint=None, kind="http"):
        trust = f'fingerprint: "{fingerprint}"' if fingerprint else f"ca_file: {self.ready['ca_file']}"
        lines = ["cluster:", "  endpoints: [" + ", ".join(n["url"] for n in self.ready["nodes"]) + "]", f"  {trust}",
                 f"  token_file: {self.ready['token_file']}", "  poll_interval: 1s", f"mode: {self.mode}",
                 f"state_dir: {self.directory}/state", f"control_socket: {self.directory}/control.sock",
                 f"guard_socket: {self.directory}/guard.sock", "log: {level: debug}", "defaults:",
                 f"  check: {{interval: {interval}, {check}}}",
                 f"  restart: {{attempts: {restarts}, settle: {settle}}}",
                 f"  failover: {{stop_timeout: 20s, verify_timeout: 60s, cooldown: 5s{failover}}}", "guests:"]
        for guest in guests:
            target = f"http://{self.addresses[guest]}/" if kind == "http" else self.addresses[guest]
            lines += [f"  {guest}:", f"    checks: [{{{kind}: \"{target}\"}}]"]
        self.config.write_text("\n".join(lines) + "\n" + extra)

    # ---- questions

    def run(self, *words):
        return subprocess.run([str(self.binaries / "steward"), *words], capture_output=True, text=True, timeout=60, check=False)

    def cli(self, *words):
        return self.run("--socket", str(self.directory / "control.sock"), *words)

    def ask(self, *words):
        """A JSON view from the daemon, or nothing when it does not answer."""
        done = self.cli(*words, "-o", "json")
        return json.loads(done.stdout) if done.stdout.strip().startswith("{") else None

    def state(self, guest):
        view = self.ask("why", guest)
        return view["state"] if view else None

    def fault(self, command):
        done = self.run("simulate", "fault", "--dir", str(self.directory), *command.split())
        if done.returncode != 0:
            raise Failed(f"fault {command}: {done.stderr}")
        return done.stdout

    def model(self):
        return json.loads(self.fault("status"))

    def writes(self, containing=""):
        return [w for w in self.model()["calls"]["write_list"] if containing in w]

    def log(self, name="stewardd"):
        return self.logs[name].read_text(errors="replace")

    # ---- expectations

    def wait(self, what, condition, limit):
        """Looks until it is so; the world outside has no event for it."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.05)
        raise Failed(f"not within {limit} s: {what}")

    def wait_for_state(self, guest, wanted, limit=90):
        wanted = (wanted,) if isinstance(wanted, str) else wanted
        self.wait(f"{guest} {wanted} (it is {self.ask('why', guest)})", lambda: self.state(guest) in wanted, limit)

    def wait_until_up(self, guest, limit=60):
        def is_up():
            view = self.ask("why", guest)
            return view and view["state"] == "watching" and view["health"] == "up"
        self.wait(f"{guest} up", is_up, limit)


def expect(condition, what):
    if not condition:
        raise Failed(what)


def play(scenarios, about):
    """The command line of a file of scenarios: all of them, or those that are named."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--bin", default=os.path.join(os.path.dirname(__file__), "../../build/dev/bin"))
    parser.add_argument("scenario", nargs="*", choices=[[], *scenarios])
    given = parser.parse_args()
    for name in given.scenario or scenarios:
        began = time.monotonic()
        try:
            scenarios[name](given.bin)
        except Failed as failure:
            print(f"{name}: FAILED: {failure}")
            return 1
        print(f"{name}: {scenarios[name].__doc__.splitlines()[0]} ({time.monotonic() - began:.1f} s)")
    return 0
