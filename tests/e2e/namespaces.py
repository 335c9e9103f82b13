"""Three stewardd with three steward-guard, each in its node's network namespace: `namespaces.py --bin DIR [NAME…]`, `--list`. All of
them at once, each in a sandbox of its own; 77 where there can be none."""
import argparse
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import network
import sandbox
from network import FRONT, GUEST_PORT, SWITCH, Guests, Ring, alone, api_address_of, connects, entered, guest_address
from site_under_test import NODES, Failed, expect
from three_daemons import Trio

SKIPPED = 77
API_PORT = 8006
WHO = {"ct/101": "n1", "ct/102": "n2"}


class Wired(Trio):
    """One daemon and one guard per node, which meet each other's APIs and the guests on real cables only."""

    def __init__(self, binaries, **options):
        network.build()
        listen = ",".join(api_address_of(n) for n in NODES) + f":{API_PORT}"
        self.ring, self.mounting = None, threading.Lock()
        super().__init__(binaries, guests=",".join(f"{g.replace('/', '')}@{n}" for g, n in WHO.items()),
                         simulator_options=("--listen", listen), **options)
        self.addresses = {g: f"{guest_address(g.split('/')[1])}:{GUEST_PORT}" for g in self.addresses}
        self.guests = Guests(self.ready["fault_socket"])
        self.guests.start()
        self.ring = Ring(self.tell_the_model)
        self.ring.start()

    def __exit__(self, kind, value, trace):
        for thread in (self.guests, self.ring):
            thread.over.set()
            thread.join(10)
        return super().__exit__(kind, value, trace)

    def place_of(self, name):
        return entered(FRONT if name == "simulator" else name.rpartition("-")[2])

    def write_config(self, **options):
        super().write_config(kind="tcp", interval="3s", check="timeout: 3s, rise: 1, fall: 3", **options)

    def fault(self, command):
        return network.tell(self.ready["fault_socket"], command)

    def tell_the_model(self, before, cut):
        """What the ring found is the model's network too, and a node alone has no pmxcfs that takes writes."""
        if before - cut:
            self.fault("heal")
        for a, b in sorted(cut):
            self.fault(f"part {a}>{b}")
        for node in alone(before) ^ alone(cut):
            self.divide(node, node in alone(cut))

    def divide(self, node, is_away):
        with self.mounting:
            super().divide(node, is_away or (self.ring is not None and node in alone(self.ring.cut)))

    def begin(self, not_on=()):
        """Starts everything and returns the leader, which is not on those nodes."""
        self.start(tuple(WHO))
        leader = self.agreed_leader()
        if leader in not_on:
            self.stop(f"stewardd-{leader}")
            following = self.agreed_leader([n for n in NODES if n != leader], 60)
            self.start_daemon_of(leader)
            leader = following
        self.settled(leader)
        self.wait("its guests are up", lambda: all(self.is_up(leader, g) for g in WHO), 60)
        return leader

    def is_up(self, node, guest):
        view = self.view(node, "why", guest)
        return bool(view) and view["state"] == "watching" and view["health"] == "up"

    def hold(self, node, guest):
        view = self.view(node, "why", guest)
        return ((view or {}).get("hold") or {}).get("code")

    def running(self, guest):
        return self.model()["guests"][guest]["running_on"]

    def lease(self, node):
        text = (pathlib.Path(self.ready["pve_root"]) / f"priv/steward/nodes/{node}").read_text(encoding="ascii")
        return dict(line.split("=", 1) for line in text.splitlines())

    def expect_one_copy(self, guest, moves):
        """It was never twice on the network, and was begun where it should."""
        vmid = guest.split("/")[1]
        expect(self.guests.most_copies[vmid] == 1, f"{guest} was there {self.guests.most_copies[vmid]} times at once")
        expect(self.guests.histories[vmid] == moves, f"{guest} was begun on {self.guests.histories[vmid]}, not {moves}")


def guest_is_not_reached(binaries):
    """A way that is broken for two of three is no fault of the guest. What nobody reaches any more is brought back elsewhere."""
    with Wired(binaries) as site:
        leader = site.begin()
        address = guest_address(102)
        network.lose(SWITCH, "n1", towards=address)
        network.lose(SWITCH, "n3", towards=address)
        site.wait("its own node still reaches it", lambda: site.hold(leader, "ct/102") == "path_problem", 60)
        expect(connects("n2", address, GUEST_PORT) and not connects("n1", address, GUEST_PORT), "only its node reaches it")
        network.lose_nothing(SWITCH)
        site.wait("it is up again", lambda: site.is_up(leader, "ct/102"), 60)
        expect(not site.writes(), f"nothing was done: {site.writes()}")

        network.lose("n2", "g102")  # whatever it answers is lost, for its own node too
        site.wait("it is brought back elsewhere", lambda: site.guest_state(leader, "ct/102") == "done", 120)
        expect(network.lost("n2") > 0, "it was asked, and answered in vain")
        where = site.running("ct/102")
        expect(len(where) == 1 and where != ["n2"], f"ct/102 runs once, elsewhere: {where}")
        expect(len(site.restores()) == 1, f"one restore: {site.writes()}")
        site.expect_one_copy("ct/102", ["n2", *where])
        site.wait("everybody reaches it", lambda: all(connects(n, address, GUEST_PORT) for n in NODES), 30)


def loss_is_no_fault(binaries):
    """Three packets of ten are lost, and then all of one direction: nothing is restarted, nothing brought elsewhere."""
    with Wired(binaries) as site:
        leader = site.begin(not_on=("n2",))
        epoch = site.epoch(leader)
        for namespace, device in ((SWITCH, "n2"), ("n2", "eth0"), ("n1", "g101")):
            network.lose(namespace, device, 30)
        site.wait("much is lost", lambda: network.lost("n2") > 150 and network.lost("n1") > 15, 90)
        for namespace in (SWITCH, "n2", "n1"):
            network.lose_nothing(namespace)
        expect(site.leader_by(leader) == leader and site.epoch(leader) == epoch, "the same leader in the same epoch")
        site.wait("the guests are up", lambda: all(site.is_up(leader, g) for g in WHO), 60)
        expect(not site.writes(), f"nothing was done: {site.writes()}")

        network.lose(SWITCH, "n2")  # it hears the others, and nobody hears it
        site.wait("n2 has left the cluster", lambda: site.hold(leader, "ct/102") == "node_away", 60)
        # Later n2 may not hear them either: what it answers to their ARP is lost as well.
        expect({("n2", "n1"), ("n2", "n3")} in site.ring.history, f"in one direction: {site.ring.history}")
        expect(not connects(leader, api_address_of("n2"), API_PORT), "its API is away as well")
        network.lose_nothing(SWITCH)
        site.wait("the guests are up", lambda: all(site.is_up(leader, g) for g in WHO), 90)
        site.wait("n2 follows", lambda: site.leader_by("n2") == leader, 60)
        expect(not site.writes() and site.running("ct/102") == ["n2"], f"nothing was done: {site.writes()}")
        site.expect_one_copy("ct/102", ["n2"])


def node_is_cut_off(binaries):
    """The cable of an armed node is unplugged: its guard's lease starves, its watchdog fires, and 150 s after the last lease its guest
    is brought back elsewhere. The node boots, gets its cable back, and starts nothing twice."""
    with Wired(binaries, contract="watchdog") as site:
        reset = threading.Event()

        def reset_node(node):
            site.fault(f"power {node} off")
            for name in (f"guard-{node}", f"stewardd-{node}"):
                site.kill(name)
            if node == "n2":
                reset.set()

        site.serve_watchdogs(reset_node)
        leader = site.begin(not_on=("n2",))

        def contracts():
            return {n["node"]: n.get("contract") for n in site.view(leader, "status")["cluster"]["nodes"]}
        site.wait("n1 and n2 have promised", lambda: contracts() == {"n1": "watchdog", "n2": "watchdog", "n3": "none"}, 60)
        network.unplug("n2")
        cut = time.monotonic()
        site.wait("n2 has left the cluster", lambda: site.hold(leader, "ct/102") == "node_away", 60)
        address, api = guest_address(102), api_address_of("n2")
        expect(not any(connects(n, a, p) for n in ("n1", "n3") for a, p in ((address, GUEST_PORT), (api, API_PORT))), "n2 is away")
        expect(connects("n2", address, GUEST_PORT) and connects("n2", api, API_PORT), "on n2 itself everything goes on")
        site.wait("the others have voted", lambda: all("102" in site.lease(n).get("down", "") for n in ("n1", "n3")), 60)
        site.wait("the watchdog of n2 fires", reset.is_set, 100)
        expect("to=starved" in site.log("guard-n2"), "its guard could renew no lease")
        expect(not site.restores() and site.running("ct/102") == [], "nothing was started before the proof")

        site.fault("power n2 on")  # back from its reset, still without a cable
        site.start_guard_of("n2", boot="2")
        site.start_daemon_of("n2")
        site.wait("its guest is brought back", lambda: site.guest_state(leader, "ct/102") == "done", 240)
        took = time.monotonic() - cut
        expect(took > 140, f"not before 150 s without a lease, but after {took:.0f} s")
        where = site.running("ct/102")
        expect(len(where) == 1 and where != ["n2"], f"ct/102 runs once, elsewhere: {where}")

        network.plug_in("n2")
        site.wait("n2 follows", lambda: site.leader_by("n2") == leader, 60)
        site.wait("the guests are up", lambda: all(connects(n, guest_address(v), GUEST_PORT) for n in NODES for v in (101, 102)), 30)
        expect(site.running("ct/102") == where, "it runs where it was brought, and only there")
        expect(len(site.restores()) == 1, f"one restore: {site.writes()}")
        site.expect_one_copy("ct/102", ["n2", *where])


SCENARIOS = {s.__name__: s for s in (guest_is_not_reached, loss_is_no_fault, node_is_cut_off)}


def inner(binaries, name):
    try:
        SCENARIOS[name](binaries)
    except Failed as why:
        print(f"{name}: FAILED: {why}")
        return 1
    print(f"{name}: ok")
    return 0


def outer(binaries, names):
    """Each in a sandbox of its own, all at once. What they leave is removed, but the logs of one that failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = tempfile.mkdtemp(prefix="steward-net-")
    running, failed = [], 0
    try:
        for name in names:
            command = ["env", f"TMPDIR={directory}", sys.executable, "-B", __file__, "--bin", binaries, "--inside", name]
            running.append(sandbox.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        for process in running:
            print(process.communicate()[0], end="", flush=True)
            failed += process.returncode != 0
    finally:
        for process in running:
            process.kill()  # and with it everything that is in there
        for process in running:
            process.wait()
            if not process.stdout.closed:
                process.stdout.read()  # to its end, which is that of the last one inside
        if failed == 0:
            shutil.rmtree(directory, ignore_errors=True)
        else:
            print(f"what is left of them is in {directory}")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--inside", choices=SCENARIOS, help=argparse.SUPPRESS)
    parser.add_argument("name", nargs="*")
    options = parser.parse_args()
    if options.list:
        print("\n".join(SCENARIOS))
        return 0
    if options.inside:
        return inner(options.bin, options.inside)
    reason = sandbox.why_not()
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    return outer(options.bin, options.name or list(SCENARIOS))


if __name__ == "__main__":
    sys.exit(main())
