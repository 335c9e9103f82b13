"""Three stewardd with three steward-guard on one simulated cluster: `three_daemons.py --bin DIR [NAME…]`, `--list`; several names
run side by side."""
import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

from site_under_test import NODES, Failed, Site, expect

COROSYNC = "totem {\n  token: 3000\n  token_coefficient: 125\n}\nnodelist {\n" + 3 * "  node {\n  }\n" + "}\n"


class LockJudge(threading.Thread):
    """What pmxcfs does with a lock whose age somebody asks for: after 120 s unchanged it goes (pve-facts E.4)."""

    def __init__(self, root):
        super().__init__(daemon=True)
        self.lock = pathlib.Path(root) / "priv/lock/steward-leader"
        self.over = threading.Event()

    def run(self):
        last, since = None, time.monotonic()
        while not self.over.wait(0.05):
            try:
                now = int(self.lock.stat().st_mtime)
                if now != 0:
                    if now != last:
                        last, since = now, time.monotonic()
                elif time.monotonic() - since > 120:
                    self.lock.rmdir()
                elif last is not None:
                    os.utime(self.lock, (last, last))
            except FileNotFoundError:
                last = None


class WatchdogMux(threading.Thread):
    """watchdog-mux of one node: who closes without V, or is silent for 60 s, has the node reset (reliability P11)."""

    def __init__(self, path, reset):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.listener.settimeout(1)
        self.reset, self.over, self.feeds = reset, threading.Event(), 0

    def run(self):
        while not self.over.is_set():
            try:
                client, _ = self.listener.accept()
            except socket.timeout:
                continue
            if not self.serve(client):
                self.reset()
                return

    def serve(self, client):
        client.settimeout(60)
        last = b""
        while not self.over.is_set():
            try:
                data = client.recv(64)
            except socket.timeout:
                return False
            if not data:
                return last == b"V"
            self.feeds += 1
            last = data[-1:]
        return True


class Trio(Site):
    """One daemon and one guard per node."""

    def __init__(self, binaries, contract="none", failover="", restarts=0, **options):
        super().__init__(binaries, **options)
        self.contract, self.failover, self.restarts, self.muxes = contract, failover, restarts, {}
        (self.directory / "corosync.conf").write_text(COROSYNC)
        self.judge = LockJudge(self.ready["pve_root"])
        self.judge.start()

    def __exit__(self, kind, value, trace):
        for node in NODES:
            self.stop(f"stewardd-{node}")
        for node in NODES:
            self.stop(f"guard-{node}")
        self.judge.over.set()
        for mux in self.muxes.values():
            mux.over.set()
        return super().__exit__(kind, value, trace)

    def serve_watchdogs(self, reset=lambda node: None):
        """A watchdog-mux on each node; `reset` is called with the name of a node that is to be reset."""
        for node in NODES:
            (self.directory / node).mkdir(exist_ok=True)
            self.muxes[node] = WatchdogMux(self.directory / node / "mux", lambda node=node: reset(node))
            self.muxes[node].start()

    def guard_command(self, node, boot="1"):
        home = self.directory / node
        (home / "cgroup").mkdir(parents=True, exist_ok=True)
        self.divide(node, False)
        return ["steward-guard", "--pve-dir", str(home / "pve"), "--socket", str(home / "guard.sock"), "--allow-user",
                str(os.getuid()), "--node", node, "--contract", self.contract, "--cgroup-dir", str(home / "cgroup"), "--watchdog",
                str(home / "mux"), "--corosync", str(self.directory / "corosync.conf"), "--state-dir", str(home), "--boot-id",
                f"{node}-boot-{boot}"]

    def divide(self, node, is_away):
        """Whether pmxcfs of that node takes no writes; near enough to a lost quorum: it is not there."""
        mount = self.directory / node / "pve"
        mount.unlink(missing_ok=True)
        mount.symlink_to(self.directory / "nowhere" if is_away else self.ready["pve_root"])

    def start_guard_of(self, node, boot="1"):
        self._spawn(f"guard-{node}", self.guard_command(node, boot))
        self.wait(f"the guard of {node}", (self.directory / node / "guard.sock").exists, 20)

    def write_config_of(self, node, guests):
        """Its own node's API first, as one would write it."""
        home = self.directory / node
        # A restarted guest has to be seen up in the leases of the others as well, which are renewed every ten seconds.
        self.write_config(guests=guests, restarts=self.restarts, failover=self.failover, settle="20s")
        text = self.config.read_text()
        for key in ("state_dir", "control_socket", "guard_socket"):
            text = text.replace(f"{key}: {self.directory}/", f"{key}: {home}/")
        urls = [n["url"] for n in self.ready["nodes"]]
        own = next(n["url"] for n in self.ready["nodes"] if n["name"] == node)
        text = text.replace(", ".join(urls), ", ".join([own] + [u for u in urls if u != own]))
        (home / "steward.yaml").write_text(text + f"daemons: per-node\nnode: {node}\n")

    def start_daemon_of(self, node):
        self._spawn(f"stewardd-{node}", ["stewardd", "--config", str(self.directory / node / "steward.yaml")])

    def start(self, guests):
        for node in NODES:
            self.guard_command(node)
            self.write_config_of(node, guests)
        self.start_daemon_of("n3")  # without its guard for a moment, as it may be at boot
        for node in NODES:
            self.start_guard_of(node)
        for node in ("n1", "n2"):
            self.start_daemon_of(node)

    def at(self, node, *words):
        return self.run("--socket", str(self.directory / node / "control.sock"), *words)

    def view(self, node, *words):
        done = self.at(node, *words, "-o", "json")
        return json.loads(done.stdout) if done.stdout.strip().startswith("{") else None

    def leader_by(self, node):
        view = self.view(node, "status")
        return view["leadership"]["leader"] if view else ""

    def epoch(self, node):
        return self.view(node, "status")["leadership"]["epoch"]

    def agreed_leader(self, among=NODES, limit=60):
        """Waits until all of them name the same leader, one of them."""
        found = []

        def agree():
            found[:] = [self.leader_by(n) for n in among]
            return len(set(found)) == 1 and found[0] in among
        self.wait(f"one leader for all: {found}", agree, limit)
        return found[0]

    def settled(self, leader, limit=60):
        self.wait(f"{leader} leads for good", lambda: self.view(leader, "status")["leadership"]["phase"] == "leading", limit)

    def restores(self):
        return [w for w in self.writes("POST /nodes/") if "/lxc " in w]

    def guest_state(self, node, guest):
        view = self.view(node, "why", guest)
        return view["state"] if view else None

    def guest_node(self, node, guest):
        """Where that daemon has it."""
        view = self.view(node, "why", guest)
        return view["node"] if view else None


def one_leads_and_hands_over(binaries):
    """One of three leads; told to end it hands the lead over at once, and the next one does the work."""
    with Trio(binaries, guests="ct101@n1,ct102@n2,vm103@n3") as site:
        site.start(("ct/101", "ct/102"))
        leader = site.agreed_leader()
        first_epoch = site.epoch(leader)
        follower = next(n for n in NODES if n != leader)
        refused = site.at(follower, "failover", "ct/102", "--force")
        expect(refused.returncode == 1 and f"the daemon on {leader} leads" in refused.stderr, refused.stderr)
        second = subprocess.run([str(site.binaries / "steward-guard"), *site.guard_command("n1")[1:]], capture_output=True, text=True,
                                timeout=30, check=False)
        expect(second.returncode == 1 and "another steward-guard answers" in second.stderr, f"a second guard leaves: {second.stderr}")

        took, status = site.stop(f"stewardd-{leader}")
        expect(status == 0 and took < 10, f"it left in {took:.1f} s with {status}")
        left = [n for n in NODES if n != leader]
        following = site.agreed_leader(left, 30)
        expect(site.epoch(following) > first_epoch, "in a new epoch")
        site.start_daemon_of(leader)
        site.wait(f"{leader} follows", lambda: site.leader_by(leader) == following, 30)
        site.settled(following)

        site.fault("guest ct102 crash")
        site.wait("the leader brings it back", lambda: site.guest_state(following, "ct/102") == "done", 120)
        where = site.model()["guests"]["ct/102"]["running_on"]
        expect(len(where) == 1 and where != ["n2"], f"ct/102 runs once, elsewhere: {where}")
        expect(len(site.restores()) == 1, f"one restore: {site.writes()}")
        # The state itself is over in seconds, and those who follow ask every half minute.
        site.wait("everybody knows", lambda: all(site.guest_node(n, "ct/102") == where[0] for n in NODES), 60)

        listed = site.at(following, "parked", "list")
        expect("102.n2.g" in listed.stdout, listed.stdout + listed.stderr)
        name = listed.stdout.split("\n")[1].split()[0]
        slip = site.at(following, "parked", "remove", name, "--confirm", name + "0")
        expect(slip.returncode == 1 and (pathlib.Path(site.ready["pve_root"]) / f"priv/steward/parked/{name}.conf").exists(), slip.stderr)
        back = site.at(following, "parked", "restore", name)
        expect(back.returncode == 1 and "taken" in back.stderr, f"its vmid is taken: {back.stderr}")
        if os.getuid() == 0:
            removed = site.at(following, "parked", "remove", name, "--confirm", name)
            expect(removed.returncode == 0, removed.stderr)
            expect("nothing is parked" in site.at(following, "parked", "list").stdout, "the list is empty")
        text = site.at(following, "status").stdout
        expect(f"{following} leads in epoch" in text and "contract none" in text and "IF ITS NODE DIES" in text, text)


def leader_killed_in_the_middle(binaries):
    """SIGKILL of the leader during a restore: after two minutes another one goes on, and restores nothing twice."""
    with Trio(binaries, guests="ct102@n2", speed=1) as site:
        site.start(("ct/102",))
        leader = site.agreed_leader()
        site.settled(leader)
        site.fault("guest ct102 crash")
        site.wait("it restores", lambda: site.guest_state(leader, "ct/102") in ("restoring", "restored"), 120)
        site.kill(f"stewardd-{leader}")
        killed = time.monotonic()
        left = [n for n in NODES if n != leader]
        following = site.agreed_leader(left, 200)
        took = time.monotonic() - killed
        expect(105 < took < 160, f"another one leads after two minutes of silence, not after {took:.0f} s")
        site.wait("it goes on", lambda: site.guest_state(following, "ct/102") == "done", 120)
        expect(len(site.restores()) == 1, f"one restore: {site.writes()}")
        where = site.model()["guests"]["ct/102"]["running_on"]
        expect(len(where) == 1 and where != ["n2"], f"ct/102 runs once, elsewhere: {where}")


def leader_divided(binaries):
    """The leader is stopped for 30 s and goes on; then it is cut off: it gives up by itself before another one leads, and follows
    once it is back."""
    with Trio(binaries, guests="ct101@n1,ct102@n2") as site:
        site.start(("ct/101", "ct/102"))
        leader = site.agreed_leader()
        site.settled(leader)
        epoch = site.epoch(leader)
        site.processes[f"stewardd-{leader}"].send_signal(signal.SIGSTOP)
        time.sleep(30)
        site.processes[f"stewardd-{leader}"].send_signal(signal.SIGCONT)
        site.wait("it leads again, or somebody does", lambda: site.leader_by(leader) == leader and site.epoch(leader) >= epoch, 30)
        left = [n for n in NODES if n != leader]
        site.divide(leader, True)
        site.fault(f"cnet {leader} off")
        cut = time.monotonic()
        site.wait("it does not lead any more", lambda: site.view(leader, "status")["leadership"]["phase"] == "observer", 60)
        gave_up = time.monotonic() - cut
        refused = site.at(leader, "failover", "ct/101", "--force")
        expect(refused.returncode == 1, f"no orders are taken there: {refused.stdout}")
        following = site.agreed_leader(left, 200)
        took = time.monotonic() - cut
        expect(gave_up < 60 and took > 105, f"it gave up after {gave_up:.0f} s, another one leads after {took:.0f} s")
        expect(site.epoch(following) > epoch, "in a new epoch")
        site.divide(leader, False)
        site.fault(f"cnet {leader} on")
        site.wait("it follows", lambda: site.leader_by(leader) == following, 60)
        expect(not site.restores(), f"nothing was restored: {site.writes()}")


def node_dies(binaries):
    """A node without a contract dies: its guest is held until a person vouches; the node comes back and starts nothing twice."""
    with Trio(binaries, guests="ct101@n1,ct102@n2") as site:
        site.start(("ct/101", "ct/102"))
        leader = site.agreed_leader()
        if leader == "n2":  # the dead node is to be another one than the leader's
            site.stop("stewardd-n2")
            leader = site.agreed_leader(("n1", "n3"), 30)
            site.start_daemon_of("n2")
        site.settled(leader)
        early = site.at(leader, "fence-confirm", "n2", "--confirm", "n2")
        expect(early.returncode == 1, f"a node that is there needs nobody's word: {early.stderr}")
        site.fault("power n2 off")
        site.kill("stewardd-n2")
        site.kill("guard-n2")
        site.wait("held for want of a proof", lambda: (site.view(leader, "why", "ct/102").get("hold") or {}).get("code") == "no_fence",
                  150)
        expect(not site.restores(), f"nothing was restored: {site.writes()}")
        if os.getuid() != 0:
            return
        slip = site.at(leader, "fence-confirm", "n2", "--confirm", "n1")
        expect(slip.returncode == 1 and "not typed again" in slip.stderr, slip.stderr)
        word = site.at(leader, "fence-confirm", "n2", "--confirm", "n2")
        expect(word.returncode == 0, word.stderr)
        site.wait("the leader brings it back", lambda: site.guest_state(leader, "ct/102") == "done", 120)
        where = site.model()["guests"]["ct/102"]["running_on"]
        expect(len(where) == 1 and where != ["n2"], f"ct/102 runs once, elsewhere: {where}")
        site.fault("power n2 on")
        site.start_guard_of("n2", boot="2")
        site.start_daemon_of("n2")
        site.wait("n2 follows", lambda: site.leader_by("n2") == leader, 60)
        expect(site.model()["guests"]["ct/102"]["running_on"] == where, "it runs where it was brought, and only there")


def node_hangs(binaries):
    """An armed node hangs: the watchdog resets it, and after 150 s its guest is brought back elsewhere, without a person."""
    with Trio(binaries, contract="watchdog", guests="ct101@n1,ct102@n2") as site:
        reset = threading.Event()

        def power_cycle(node):
            if node != "n2":
                return
            site.fault("power n2 off")
            for name in ("guard-n2", "stewardd-n2"):
                if name in site.processes:
                    site.kill(name)
            reset.set()

        site.serve_watchdogs(power_cycle)
        site.start(("ct/101", "ct/102"))
        leader = site.agreed_leader()
        if leader == "n2":
            site.stop("stewardd-n2")
            leader = site.agreed_leader(("n1", "n3"), 30)
            site.start_daemon_of("n2")
        site.settled(leader)

        def contracts():
            return {n["node"]: n.get("contract") for n in site.view(leader, "status")["cluster"]["nodes"]}
        site.wait("n1 and n2 have promised, n3 has no guest to promise for",
                  lambda: contracts() == {"n1": "watchdog", "n2": "watchdog", "n3": "none"}, 60)
        expect(site.muxes["n2"].feeds > 0 and site.muxes["n3"].feeds == 0, "who has promised feeds")
        for name in ("guard-n2", "stewardd-n2"):
            site.processes[name].send_signal(signal.SIGSTOP)
        site.fault("cnet n2 off")
        site.fault("net n2 off")
        silent = time.monotonic()
        site.wait("the watchdog fires", reset.is_set, 90)
        expect(not site.restores(), "nothing was started before the proof")
        site.wait("its guest is brought back", lambda: site.guest_state(leader, "ct/102") == "done", 240)
        took = time.monotonic() - silent
        expect(took > 140, f"not before 150 s without a lease, but after {took:.0f} s")
        where = site.model()["guests"]["ct/102"]["running_on"]
        expect(len(where) == 1 and where != ["n2"], f"ct/102 runs once, elsewhere: {where}")
        # Told to end, an armed guard takes its promise back and closes the watchdog properly.
        site.stop("stewardd-n1")
        took, status = site.stop("guard-n1", 30)
        lease = (pathlib.Path(site.ready["pve_root"]) / "priv/steward/nodes/n1").read_text()
        expect(status == 0 and "contract=none" in lease, f"{status}, {lease}")


SCENARIOS = [one_leads_and_hands_over, leader_killed_in_the_middle, leader_divided, node_dies, node_hangs]


def side_by_side(binaries, names):
    """They mostly wait for two minutes of silence: together they take as long as the longest one."""
    running = [(n, subprocess.Popen([sys.executable, "-B", __file__, "--bin", binaries, n], stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True)) for n in names]
    failed = 0
    for _, process in running:
        print(process.communicate()[0], end="")
        failed += process.returncode != 0
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("name", nargs="*")
    options = parser.parse_args()
    if options.list:
        print("\n".join(s.__name__ for s in SCENARIOS))
        return 0
    if len(options.name) > 1:
        return side_by_side(options.bin, options.name)
    for scenario in SCENARIOS:
        if options.name in ([], [scenario.__name__]):
            try:
                scenario(options.bin)
            except Failed as why:
                print(f"{scenario.__name__}: FAILED: {why}")
                return 1
            print(f"{scenario.__name__}: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
