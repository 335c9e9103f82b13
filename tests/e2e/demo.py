"""./dev demo: a three-node simulated cluster; a container's web server dies, comes back in place, dies again, and is
brought back on another node from a backup. Real programs, real sockets; only the cluster is simulated."""
import argparse
import signal
import sys
import time
import urllib.error
import urllib.request

from site_under_test import Failed, expect
from three_daemons import Trio

BOLD, DIM, GREEN, RED, YELLOW, PLAIN = "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[33m", "\033[0m"
GUEST = "ct/101"
SPEED = 6


class Cluster(Trio):
    """Everybody is asked through the daemon that leads."""

    def cli(self, *words):
        return self.at(self.leader, *words)

    def begin(self):
        self.serve_watchdogs()
        self.start(("ct/101", "ct/102", "vm/103"))
        self.leader = self.agreed_leader()


class Screen:
    """Prints what happens with the time since the demo began."""

    def __init__(self):
        self.began = time.monotonic()
        self.has_colour = sys.stdout.isatty()

    def colour(self, code, text):
        return f"{code}{text}{PLAIN}" if self.has_colour else text

    def say(self, text, code=""):
        print(f"{self.colour(DIM, f'{time.monotonic() - self.began:6.1f} s')}  {self.colour(code, text)}", flush=True)

    def block(self, title, text):
        print(f"\n{self.colour(BOLD, title)}")
        for line in text.rstrip().splitlines():
            print(f"  {line}")
        print(flush=True)


def look_at_web(site):
    """What a visitor of the web server gets."""
    url = f"http://{site.addresses[GUEST]}/"
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return f"GET {url} → {answer.status} {answer.read().decode().strip()}"
    except (urllib.error.URLError, OSError) as error:
        return f"GET {url} → {getattr(error, 'reason', error)}"


def follow(site, screen, stale, ends, limit=180):
    """Prints each phase as it is entered, with its reason and the time the one before took, until one of `ends`. `stale` is when
    the story began that was told before."""
    shown = 0
    colours = {"done": GREEN, "watching": GREEN, "failed_parked": RED, "held": RED, "suspect": YELLOW}
    end = time.monotonic() + limit
    while time.monotonic() < end:
        view = site.ask("why", GUEST)
        story = view["story"] if view and view["story"] and view["story"][0]["when"] != stale else []
        for i, line in enumerate(story):
            if i < shown:
                continue
            if i > 0:
                screen.say(f"    {story[i - 1]['state']} took {story[i - 1]['took_ms'] / 1000:.2f} s", DIM)
            screen.say(f"{line['state']:<11} {line['why']}", colours.get(line["state"], ""))
            shown = i + 1
        if view and shown and view["state"] in ends:
            return view
        time.sleep(0.05)
    raise Failed(f"{GUEST} did not get to {ends} within {limit} s")


def break_it(site, screen, act):
    screen.block(act, "")
    screen.say(look_at_web(site))
    last = site.ask("why", GUEST)["story"]
    site.fault("guest ct101 crash")
    screen.say("the web server inside ct/101 dies; the container itself still runs", RED)
    screen.say(look_at_web(site))
    return last[0]["when"] if last else None


def play(site, screen):
    screen.say(f"a cluster of three nodes (simulated, {SPEED} times as fast), a steward-guard and a stewardd on each")
    screen.say(f"{site.leader} leads; for its first half minute it only looks: others may still be on their way")
    site.settled(site.leader)
    for guest in site.addresses:
        site.wait_until_up(guest, 30)
    site.wait("what would happen is worked out", lambda: all("if_node_dies" in g for g in site.ask("status")["guests"]), 30)
    screen.block("$ steward status", site.cli("status").stdout)
    screen.block(f"$ steward plan {GUEST}   (what would happen; changes nothing)", site.cli("plan", GUEST).stdout)

    stale = break_it(site, screen, "Act 1: it dies")
    follow(site, screen, stale, ("restarting",))
    site.wait_until_up(GUEST, 60)
    screen.say("watching    healthy again after a restart in place", GREEN)
    screen.say(look_at_web(site))

    stale = break_it(site, screen, "Act 2: it dies again")
    view = follow(site, screen, stale, ("done", "held", "failed_parked", "rolled_back", "aborted_safe"))
    screen.say(look_at_web(site))
    expect(view["state"] == "done", f"{GUEST} ended as {view['state']}: {view['reason']}")

    screen.block(f"$ steward why {GUEST}", site.cli("why", GUEST).stdout)
    screen.block("$ steward status", site.cli("status").stdout)
    guest = site.model()["guests"][GUEST]
    expect(guest["running_on"] == ["n2"], f"it runs on n2 only, not on {guest['running_on']}")
    kept = ", ".join(guest["parked"])
    screen.block("Kept", f"original configuration: {kept}\noriginal volume on n1: {', '.join(guest['volumes'].get('n1', []))}\n"
                         f"copies of {GUEST} that run: {len(guest['running_on'])}")


def stay(site, screen):
    socket = site.directory / site.leader / "control.sock"
    screen.block("Still up; Ctrl-C ends it. In another terminal:",
                 f"{site.binaries}/steward --socket {socket} status\n"
                 f"{site.binaries}/steward --socket {socket} why ct/102\n"
                 f"{site.binaries}/steward simulate fault --dir {site.directory} guest ct102 crash\n"
                 f"{site.binaries}/steward --socket {socket} failover ct/102 --to n3 --wait\n"
                 f"curl --cacert {site.ready['ca_file']} -H \"Authorization: PVEAPIToken=$(cat {site.ready['token_file']})\" "
                 f"{site.ready['nodes'][0]['url']}/api2/json/cluster/resources")
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--stay", action="store_true", help="keep the cluster up until Ctrl-C")
    given = parser.parse_args()
    if given.stay:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    screen = Screen()
    try:
        with Cluster(given.bin, contract="watchdog", restarts=1, failover=", targets: [n2, n3]", speed=SPEED) as site:
            site.begin()
            play(site, screen)
            if given.stay:
                stay(site, screen)
    except Failed as failure:
        screen.say(f"the demo failed: {failure}", RED)
        return 1
    screen.say("that was it: noticed, restarted, noticed, restored elsewhere; nothing ran twice, nothing was lost", GREEN)
    return 0


if __name__ == "__main__":
    sys.exit(main())
