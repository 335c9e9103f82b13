"""A real steward-guard is told that its system goes down, as steward-leaving.service does: its lease says so, also after it has ended.

usage: leaving.py --bin DIR
"""
import argparse
import json
import pathlib
import signal
import socket as socket_module
import subprocess
import sys
import tempfile
import threading
import time


def lease_of(pve):
    file = pve / "priv/steward/nodes/n1"
    return dict(line.split("=", 1) for line in file.read_text().splitlines()) if file.exists() else {}


def wait_for(what, pve, wanted):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        lease = lease_of(pve)
        if all(lease.get(key) == value for key, value in wanted.items()):
            return
        time.sleep(0.1)
    sys.exit(f"{what}: the lease is {lease_of(pve)}, wanted {wanted}")


class FakeDaemon:
    """Answers the question who is still to be moved away, each time with the next of its answers."""

    def __init__(self, path, answers):
        self.asked = []
        self.answers = list(answers)
        self.listener = socket_module.socket(socket_module.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(4)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while self.answers:
            peer, _ = self.listener.accept()
            with peer:
                self.asked.append(json.loads(peer.makefile().readline())["do"])
                answer = {"ok": True, "data": {"guests": self.answers.pop(0), "limit_s": 600}}
                peer.sendall((json.dumps(answer) + "\n").encode())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, type=pathlib.Path)
    programs = parser.parse_args().bin
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        pve = root / "pve"
        (pve / "nodes/n1/lxc").mkdir(parents=True)
        (root / "cgroup").mkdir()
        (root / "corosync.conf").write_text("nodelist {\n  node {\n    name: n1\n  }\n}\n")
        socket = str(root / "guard.sock")

        def tell(word, *more):
            return subprocess.run([programs / "steward", "leaving", word, "--socket", socket, *more], capture_output=True, text=True, check=False)

        nobody = tell("reboot")
        if nobody.returncode == 0 or socket not in nobody.stderr:
            sys.exit(f"no guard, and yet: {nobody}")
        guard = subprocess.Popen([programs / "steward-guard", "--allow-user", "0", "--pve-dir", str(pve), "--socket", socket, "--node", "n1", "--cgroup-dir",
                                  str(root / "cgroup"), "--corosync", str(root / "corosync.conf"), "--boot-id", "boot-1"])
        try:
            wait_for("at first", pve, {"leaving": "none", "contract": "none"})
            if tell("tomorrow").returncode == 0:
                sys.exit("\"tomorrow\" was taken for a way to leave")
            if tell("reboot").returncode != 0:
                sys.exit("the guard did not take it")
            # Nothing of ours runs: that is said with it.
            wait_for("told", pve, {"leaving": "reboot", "contract": "frozen"})
            if tell("none").returncode != 0:
                sys.exit("it could not be called off")
            wait_for("called off", pve, {"leaving": "none", "contract": "none"})
            control = str(root / "control.sock")
            daemon = FakeDaemon(control, [["vm/103", "ct/101"], ["vm/103"], []])
            waited = tell("shutdown", "--control", control)
            if waited.returncode != 0 or daemon.asked != ["evacuation"] * 3 or "waiting for vm/103, ct/101" not in waited.stdout:
                sys.exit(f"guests are moved away, and it did not wait for them: {waited}, asked {daemon.asked}")
            guard.send_signal(signal.SIGTERM)
            if guard.wait(timeout=20) != 0:
                sys.exit("the guard ended badly")
            wait_for("ended", pve, {"leaving": "shutdown", "contract": "released"})
        finally:
            guard.kill()
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
