"""The general mutation run over engine, leader, guard and planner: small changes, each of which some test has to notice.

usage: mutants.py [--only FILE_PART] [--strict] [--unit] [--again LOG] [--sample N] [--seed S] [--jobs N] [--list] [--built]

All mutants are compiled into one tree (schemata.py) in build/mutants; each is then switched on alone, and the unit tests and, but
for --unit, the scenarios and some crash points run until one fails. Strict files (guard, lease, fencing, commit) must lose every mutant, the
others 95 %. equivalent.txt names those that change nothing that anybody could notice. Not part of ./dev test: hours for all of it.
"""
import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import resource
import subprocess
import sys
import tempfile
import time

import schemata
from source_tree import Tree

ROOT = pathlib.Path(__file__).resolve().parents[2]
STRICT = ("lib/core/handover/handover.cpp", "lib/core/handover/config_text.cpp", "lib/core/lease/node_lease.cpp",
          "lib/core/lease/votes.cpp", "lib/core/fencing/proof.cpp", "lib/core/fencing/self_fence.cpp",
          "lib/core/fencing/corosync_config.cpp", "lib/core/leader/leader.cpp", "lib/guard/desk.cpp", "lib/guard/heart.cpp",
          "lib/guard/lease_writer.cpp", "lib/guard/carry_out.cpp", "lib/guard/config_lock.cpp", "lib/guard/pve_files.cpp",
          "lib/guard/cgroups.cpp", "lib/guard/watchdog_client.cpp")
GENERAL = ("lib/core/failover/machine.cpp", "lib/core/failover/machine_watching.cpp", "lib/core/failover/machine_handover.cpp",
           "lib/core/failover/machine_failback.cpp", "lib/core/failover/machine_evacuation.cpp", "lib/core/failover/plan_move.cpp",
           "lib/core/failover/plan.cpp", "lib/core/failover/plan_targets.cpp",
           "lib/core/failover/guest_disks.cpp", "lib/core/failover/movable.cpp", "lib/core/failover/pauses.cpp",
           "lib/core/failover/record.cpp", "lib/core/failover/parked.cpp", "lib/core/failover/approval.cpp",
           "lib/core/health/health.cpp", "lib/pve/detours.cpp")
# Of test_pve only what needs no network: a busy machine would seem to notice mutants there.
UNIT_TESTS = {"test_core": (), "test_guard": (), "test_cluster": (), "test_pve": ("detours:*",)}
AT_MOST_S = 120
UNIT_AT_MOST_S = 10  # they take less than one
AT_MOST_BYTES = 4 << 30


def unit_tests(file):
    """Those that may notice a mutant in it, the likeliest first."""
    if file.startswith("lib/pve/"):
        return ("test_pve",)
    return ("test_guard", "test_core", "test_cluster") if file.startswith("lib/guard/") else ("test_core", "test_guard", "test_cluster")


class Run:
    def __init__(self, tree, is_unit_only):
        self.tree, self.is_unit_only = tree, is_unit_only
        # A mutant that never ends a loop shall fill neither the memory nor the disk meanwhile. Programs inherit these.
        resource.setrlimit(resource.RLIMIT_AS, (AT_MOST_BYTES, AT_MOST_BYTES))
        resource.setrlimit(resource.RLIMIT_FSIZE, (AT_MOST_BYTES >> 4, AT_MOST_BYTES >> 4))
        later = {line.split()[0] for line in (ROOT / "tests/scenarios/later.txt").read_text().splitlines() if line[:1].isupper()}
        files = sorted((ROOT / "tests/scenarios").glob("*.yaml"))
        self.scenarios = [str(f) for f in files if f.name.split("-")[0] not in later]
        self.crashes = sorted(map(str, (ROOT / "tests/sim/crashes").glob("*.yaml")))

    def kills(self, mutant, command, at_most_s=AT_MOST_S):
        # All that it writes goes when it goes: some make directories in directories until somebody stops them.
        room = tempfile.mkdtemp(prefix="steward-mutant-")
        os.chmod(room, 0o755)  # some tests look at it as somebody else
        environment = dict(os.environ, STEWARD_MUTANT=str(mutant), TMPDIR=room)
        try:
            done = subprocess.run(command, env=environment, cwd=room, capture_output=True, check=False, timeout=at_most_s)
            return done.returncode != 0
        except subprocess.TimeoutExpired:
            return True
        finally:
            subprocess.run(["rm", "-rf", room], check=True)

    def killer(self, mutant, tests):
        """The name of what noticed it; "" when nothing did."""
        steward = self.tree.program("steward")
        for name in tests:
            if self.kills(mutant, [self.tree.program(name), "--abort", *UNIT_TESTS[name]], UNIT_AT_MOST_S):
                return name
        if self.is_unit_only:
            return ""
        if self.kills(mutant, [steward, "simulate", "run", *self.scenarios]):
            return "scenarios"
        if self.kills(mutant, [steward, "simulate", "crashes", "--every", "60", *self.crashes]):
            return "crashes"
        return ""


def seed_all(tree, files, skipped):
    """Writes the mutated files; all mutants by number, each with its file."""
    mutants = {}
    for file in files:
        text, found = schemata.seed((ROOT / file).read_text(), len(mutants), skipped)
        for m in found:
            m.file = file
            mutants[m.number] = m
        if tree.read(file) != text:
            tree.write(file, text)
    tree.write("lib/steward_mutant.hpp", schemata.HEADER)
    return mutants


def build(tree, files):
    """Drops what does not compile until the rest does."""
    skipped = set()
    for _ in range(12):
        mutants = seed_all(tree, files, skipped)
        done = subprocess.run(["cmake", "--build", str(tree.build), "--target", *tree.targets, "--", "-k", "0"],
                              capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return {n: m for n, m in mutants.items() if n not in skipped}, len(skipped)
        bad = set()
        for file, line in re.findall(r"(lib/\S+\.cpp):(\d+):\d+: error", done.stdout):
            # A statement put before the end of the one above is reported there.
            for text in tree.read(file).split("\n")[int(line) - 1:int(line) + 1]:
                found = {int(n) for n in re.findall(r"steward_mutant::is\((\d+)\)", text)}
                bad |= found
                if found:
                    break
        if not bad:
            sys.exit(done.stdout[-4000:])
        skipped |= bad
    sys.exit("it still does not compile")


def built(tree, files):
    """Those of a tree that was built before."""
    number, mutants, dropped = 0, {}, 0
    for file in files:
        _, found = schemata.seed((ROOT / file).read_text(), number, set())
        number += len(found)
        there = {int(n) for n in re.findall(r"steward_mutant::is\((\d+)\)", tree.read(file))}
        skipped = {m.number for m in found} - there
        text, found = schemata.seed((ROOT / file).read_text(), number - len(found), skipped)
        if text != tree.read(file):
            sys.exit(f"{tree.path} was built of another {file}, or of other files: leave out --built")
        dropped += len(skipped)
        for m in found:
            m.file = file
            mutants[m.number] = m
        mutants = {n: m for n, m in mutants.items() if n not in skipped}
    return mutants, dropped


def equivalents():
    """{(file, what, text)} of equivalent.txt: FILE | WHAT | TEXT | why."""
    known = set()
    for line in (ROOT / "tests/mutation/equivalent.txt").read_text().splitlines():
        if line.startswith("lib/"):
            file, what, text, _why = [part.strip() for part in line.split(" | ", 3)]
            known.add((file, what, text))
    return known


def survivors(log):
    """{(file, what, text)} of an earlier run."""
    found = re.findall(r"^SURVIVED \d+ (\S+) \| (.*?) \| (.*?)   \(\d+ of", pathlib.Path(log).read_text(), re.M)
    return set(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="files with this in their names")
    parser.add_argument("--strict", action="store_true", help="only the files that must lose every mutant")
    parser.add_argument("--unit", action="store_true", help="by the unit tests alone")
    parser.add_argument("--again", help="only those that survived in this output of an earlier run")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="so many at once (%(default)s)")
    parser.add_argument("--sample", type=int, default=0, help="so many of them, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="build, and only tell which there are")
    parser.add_argument("--built", action="store_true", help="take the tree as the last run with the same files has built it")
    given = parser.parse_args()
    files = [f for f in STRICT + (() if given.strict else GENERAL) if given.only in f]
    tree = Tree(ROOT, ["steward", *UNIT_TESTS], "mutants", "-O1 -g0 -w")
    if not given.built:
        tree.prepare()
    mutants, dropped = built(tree, files) if given.built else build(tree, files)
    known = equivalents()
    chosen = [m for m in mutants.values() if (m.file, m.what, m.text) not in known]
    if given.again:
        before = survivors(given.again)
        chosen = [m for m in chosen if (m.file, m.what, m.text) in before]
    print(f"{len(mutants)} mutants, {dropped} that did not compile left out, {len(mutants) - len(chosen)} known as equivalent", flush=True)
    if given.list:
        for m in chosen:
            print(f"{m.number} {m.file}:{m.line} | {m.what} | {m.text}")
        return 0
    run = Run(tree, given.unit)
    if failing := run.killer(-1, UNIT_TESTS):
        sys.exit(f"without any mutant {failing} fails")
    if given.sample:
        chosen = sorted(random.Random(given.seed).sample(chosen, min(given.sample, len(chosen))), key=lambda m: m.number)
    survived = []
    began = time.monotonic()
    pool = concurrent.futures.ThreadPoolExecutor(given.jobs)
    for done, (m, killer) in enumerate(zip(chosen, pool.map(lambda m: run.killer(m.number, unit_tests(m.file)), chosen)), 1):
        if killer:
            continue
        survived.append(m)
        print(f"SURVIVED {m.number} {m.file} | {m.what} | {m.text}   ({done} of {len(chosen)}, {time.monotonic() - began:.0f} s)", flush=True)
    is_good = True
    for name, among, wanted in (("strict", STRICT, 100), ("general", GENERAL, 95)):
        tried = [m for m in chosen if m.file in among]
        left = [m for m in survived if m.file in among]
        if tried:
            rate = 100 * (len(tried) - len(left)) / len(tried)
            is_good = is_good and rate >= wanted
            print(f"{name}: {len(tried)} mutants, {len(left)} survived, {rate:.1f} % killed (wanted {wanted} %)")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
