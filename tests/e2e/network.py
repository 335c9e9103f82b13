"""The network of a simulated cluster made of real parts: a network namespace for each node, each copy of a guest and the switch
between the nodes, cables between them, and what can go wrong with a cable. Belongs into a sandbox (sandbox.py)."""
import concurrent.futures
import ctypes
import json
import os
import pathlib
import select
import socket
import subprocess
import threading
import time

from site_under_test import NODES, Failed

CLONE_NEWNET = 0x40000000
GUEST_PORT = 8080
FRONT = "pve"  # where the simulator runs: one leg on the bridge of each node
SWITCH = "switch"


def address_of(node):
    return f"10.77.0.{10 + NODES.index(node) + 1}"


def api_address_of(node):
    return f"10.77.0.{20 + NODES.index(node) + 1}"


def guest_address(vmid):
    return f"10.77.1.{vmid}"


def run(command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip()}" + (f" in:\n{text}" if text else ""))
    return done.stdout


def entered(namespace):
    """What a command begins with to run in that namespace, as the same process."""
    return ["nsenter", f"--net=/run/netns/{namespace}"]


def ip(namespace, *lines):
    run(["ip", "-n", namespace, "-batch", "-"], "\n".join(lines) + "\n")


def nft(namespace, text):
    return run([*entered(namespace), "nft", "-f", "-"], text)


def inside(namespace, make):
    """What `make` returns to a thread that is in that namespace: a socket belongs to where it was made."""
    def work():
        with open(f"/run/netns/{namespace}", encoding="ascii") as door:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(door.fileno(), CLONE_NEWNET) != 0:
                raise Failed(f"cannot enter the namespace {namespace}: {os.strerror(ctypes.get_errno())}")
        return make()
    with concurrent.futures.ThreadPoolExecutor(1) as one:
        return one.submit(work).result()


def set_kernel(namespace, **values):
    """net.ipv4.conf of all interfaces, there already and to come: `arp_ignore=1`."""
    def write():
        for key, value in values.items():
            for whose in ("all", "default"):
                pathlib.Path(f"/proc/sys/net/ipv4/conf/{whose}/{key}").write_text(str(value), encoding="ascii")
    inside(namespace, write)


def connects(namespace, address, port, limit=1.0):
    """Whether somebody who is there gets a connection."""
    def attempt():
        try:
            socket.create_connection((address, port), limit).close()
        except OSError:
            return False
        return True
    return inside(namespace, attempt)


def tell(fault_socket, command):
    """As `steward simulate fault`, but without a process: what is told in passing has to be quick."""
    with socket.socket(socket.AF_UNIX) as told:
        told.connect(fault_socket)
        told.sendall(command.encode() + b"\n")
        with told.makefile() as answer:
            said, _, text = answer.read().partition("\n")
    if said != "ok":
        raise Failed(f"fault {command}: {said}")
    return text


def build():
    """n1, n2, n3, each with a bridge `vmbr0` as PVE has it: `eth0` leads to the switch, `api` to this node's leg of the simulator."""
    for name in (SWITCH, FRONT, *NODES):
        run(["ip", "netns", "add", name])
        ip(name, "link set lo up")
    # Each leg speaks for itself: no answers of one about the address of another, no way out through another.
    set_kernel(FRONT, arp_ignore=1, arp_announce=2, rp_filter=0)
    ip(SWITCH, "link add lan type bridge", "link set lan up")
    for number, node in enumerate(NODES, 1):
        wire(node, number)


def wire(node, number):
    # Ten questions of ARP that nobody answers, not three: where much is lost that alone would now and then part two nodes.
    ip(node, "link add vmbr0 type bridge", f"address add {address_of(node)}/16 dev vmbr0", "link set vmbr0 up",
       "ntable change name arp_cache dev vmbr0 ucast_probes 10",
       f"link add eth0 type veth peer name {node} netns {SWITCH}", f"link add api type veth peer name {node} netns {FRONT}",
       "link set eth0 master vmbr0 up", "link set api master vmbr0 up")
    ip(SWITCH, f"link set {node} master lan up")
    api = api_address_of(node)
    ip(FRONT, f"address add {api}/32 dev {node}", f"link set {node} up", f"route add 10.77.0.0/16 dev {node} table {number}",
       f"rule add from {api} lookup {number}")


def unplug(node):
    """Takes the cable of that node out of the switch."""
    ip(SWITCH, f"link set {node} down")


def plug_in(node):
    ip(SWITCH, f"link set {node} up")


def lose(namespace, device, percent=100, towards=""):
    """So much of what comes in by that device is lost, by chance; only what goes to an address, if one is given."""
    chosen = (f"ip daddr {towards} " if towards else "") + (f"numgen random mod 100 < {percent} " if percent < 100 else "")
    nft(namespace, f"add table netdev lossy\nadd chain netdev lossy {device} {{ type filter hook ingress device {device} priority 0; }}\n"
        f"add rule netdev lossy {device} {chosen}counter drop\n")


def lose_nothing(namespace):
    nft(namespace, "delete table netdev lossy\n")


def lost(namespace):
    """How many packets so far."""
    words = nft(namespace, "list table netdev lossy\n").split()
    return sum(int(words[at + 1]) for at, word in enumerate(words) if word == "packets")


class Guests(threading.Thread):
    """What runs in the model is there: a namespace with the guest's address on the bridge of its node, and a port in it that takes
    connections while the guest's service lives."""

    def __init__(self, fault_socket):
        super().__init__(daemon=True)
        self.fault_socket, self.over = fault_socket, threading.Event()
        self.copies = {}  # (vmid, node): the listening socket
        self.most_copies = {}  # vmid: so many at one time
        self.histories = {}  # vmid: where its copies were begun, in order

    def run(self):
        next_look = 0.0
        while not self.over.is_set():
            # Connections are made by the kernel; here they are only let go.
            for port in select.select(list(self.copies.values()), [], [], 0.1)[0]:
                try:
                    port.accept()[0].close()
                except OSError:
                    pass
            if time.monotonic() >= next_look:
                self.follow(json.loads(tell(self.fault_socket, "status")))
                next_look = time.monotonic() + 0.2

    def follow(self, model):
        wanted = {(name.split("/")[1], node) for name, guest in model["guests"].items() if guest["service"] != "dead"
                  for node in guest["running_on"]}
        for copy in set(self.copies) - wanted:
            self.copies.pop(copy).close()
            run(["ip", "netns", "delete", "{}.{}".format(*copy)])
        for copy in sorted(wanted - set(self.copies)):
            self.copies[copy] = self.begin(*copy)
            self.histories.setdefault(copy[0], []).append(copy[1])
        for vmid, _ in self.copies:
            self.most_copies[vmid] = max(self.most_copies.get(vmid, 0), sum(1 for other in self.copies if other[0] == vmid))

    @staticmethod
    def begin(vmid, node):
        place = f"{vmid}.{node}"
        run(["ip", "netns", "add", place])
        # It says where it is as soon as it is there, as guests do: the same MAC is at another port of the switch from now on.
        set_kernel(place, arp_notify=1)
        ip(node, f"link add g{vmid} type veth peer name eth0 address 02:00:00:00:00:{int(vmid):02x} netns {place}",
           f"link set g{vmid} master vmbr0 up")
        ip(place, "link set lo up", f"address add {guest_address(vmid)}/16 dev eth0", "link set eth0 up")
        return inside(place, lambda: socket.create_server((guest_address(vmid), GUEST_PORT), backlog=64))


def alone(cut):
    """The nodes that hear no other one that hears them."""
    return {a for a in NODES if all((a, b) in cut or (b, a) in cut for b in NODES if b != a)}


class Ring(threading.Thread):
    """Corosync's part: the nodes talk to each other over the real cables, and who is not heard for a token's time has left."""
    TOKEN = 3.0
    CONSENSUS = 5  # turns: who loses two others at once must not be seen to lose one, and then the other

    def __init__(self, changed):
        super().__init__(daemon=True)
        self.changed, self.over = changed, threading.Event()
        self.sockets = {node: inside(node, lambda node=node: self.open(node)) for node in NODES}
        self.heard = {}  # (from, to): when
        self.cut = frozenset()  # (from, to): not heard any more
        self.history = []  # of `cut`

    @staticmethod
    def open(node):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind((address_of(node), 5405))
        opened.setblocking(False)
        return opened

    def run(self):
        pairs = [(a, b) for a in NODES for b in NODES if a != b]
        last, seen, turns = time.monotonic(), self.cut, 0
        self.heard = {pair: last for pair in pairs}
        while not self.over.wait(0.2):
            self.talk(pairs)
            now = time.monotonic()
            if now - last > 1:  # this test did not run itself: that was nobody's silence
                self.heard = {pair: min(now, when + now - last) for pair, when in self.heard.items()}
            last = now
            cut = frozenset(pair for pair in pairs if now - self.heard[pair] > self.TOKEN)
            seen, turns = cut, (turns + 1 if cut == seen else 0)
            if cut != self.cut and turns >= self.CONSENSUS:
                before, self.cut = self.cut, cut
                self.history.append(cut)
                self.changed(before, cut)

    def talk(self, pairs):
        for a, b in pairs:
            try:
                self.sockets[a].sendto(a.encode(), (address_of(b), 5405))
            except OSError:
                pass  # its cable is out
        for node, opened in self.sockets.items():
            while True:
                try:
                    sender = opened.recv(16).decode()
                except OSError:
                    break  # nothing more, or what was sent could not be delivered
                self.heard[sender, node] = time.monotonic()
