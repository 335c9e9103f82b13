"""Deliberately wrong protocols: each must be caught by the scenario (or the unit test) that is named for it.

usage: protocols.py [--only NAME]   exit 0 only if all are caught. Builds in build/mutation; not part of ./dev test (minutes each).
"""
import argparse
import pathlib
import subprocess
import sys
import time

from source_tree import Tree

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUARD = "unit: test_guard"
CORE = "unit: test_core"

# name, file, what stands there, what is put in its place, by whom it is caught; or several of them in a list
PROTOCOLS = [
    ("the wait is shortened", "lib/core/fencing/proof.cpp", "timing::take - *e.silence", "timing::take / 5 - *e.silence", "H01"),
    ("no proof is needed", "lib/core/fencing/proof.cpp", "    verdict v = by_promise(e);\n", '    verdict v = proven(proof::waitout, "");\n', "A32"),
    ("silence proves without a contract", "lib/core/fencing/proof.cpp",
     '    if (promise == lease::contract::none) return no_promise(e, "has promised nothing (no watchdog armed)");\n', "", "A30"),
    ("a guard's word alone is enough", "lib/core/fencing/proof.cpp", "promise == lease::contract::selfstop && !e.accepts_weak", "false", "A29"),
    ("the watchdog is fed without a lease", "lib/core/fencing/self_fence.cpp", "            return on(guard_tick{});\n        }\n        s().lease_since",
     "            return run(guard_effect::feed);\n        }\n        s().lease_since", "C03"),
    ("the watchdog is fed however late the renewal was", "lib/core/fencing/self_fence.cpp", "if (s().has_watchdog && age <= guard_timing::feed_within) {", "if (s().has_watchdog) {", CORE),
    ("the watchdog is closed before the promise is taken back", "lib/guard/heart.cpp",
     "    is_ending_ = true;\n", "    is_ending_ = true;\n    if (watchdog_) watchdog_->close_cleanly();\n    watchdog_.reset();\n", GUARD),
    ("guests are not ended without a lease", "lib/core/fencing/self_fence.cpp", "if (age >= guard_timing::kill) {", "if (false) {", "A29"),
    ("the age of the lease is not looked at after a pause", "lib/core/leader/leader.cpp",
     "(s.at == phase::leading || s.at == phase::settling) && now - s.lease_since < timing::act", "s.at == phase::leading || s.at == phase::settling", CORE),
    ("EBUSY is taken as not applied",
     [("lib/services/failover/operations.cpp", "        case errc::outcome_unknown:\n", ""),
      ("lib/services/failover/operations.cpp", "        case errc::unavailable: return failed",
       "        case errc::outcome_unknown:\n        case errc::unavailable: return failed")], None, None, "C06"),
    ("a restore is posted again instead of adopted", "lib/services/failover/operations.cpp", "        if (t.running && t.id.type == type) co_return t.id;\n", "", "crashes"),
    ("an answer that is missing is taken for a bad one", "lib/core/health/health.cpp", "        case verdict::unknown:\n            if",
     "        case verdict::unknown:\n            if (++s.bad_in_row >= limits.fall) s.now = standing::down;\n            if", "E11"),
    ("one failed probe is enough", "lib/core/health/health.cpp", "if (s.bad_in_row >= limits.fall)", "if (s.bad_in_row >= 1)", "E19"),
    ("a failed stop is ignored", "lib/services/failover/operations.cpp",
     "        finished down = co_await shut_down(source);\n        if (down.how == outcome::failed) co_return down;\n",
     '        (void)co_await shut_down(source);\n        co_return succeeded("whatever");\n', "E09"),
    ("who is managed by Proxmox HA is ignored",
     [("lib/core/failover/plan.cpp", 'if (status.ha_managed || (is_gone && !row.hastate.empty() && row.hastate != "ignored"))', "if (false)"),
      ("lib/services/keeper.cpp", '!row->hastate.empty() && row->hastate != "ignored"', "false")], None, None, "J01"),
    ("one observer is enough", "lib/core/lease/votes.cpp", "if (2 * down > voters) {", "if (down > 0) {", "E24"),
    ("signs of life are ignored", "lib/core/fencing/proof.cpp", 'if (e.shows_life && (is_vetoed || v.code == "no_fence"))', "if (false)", "E21"),
    ("the storm breaker is off", "lib/services/keeper.cpp", "failing >= 3 && failing * 100 >= watched * 55", "false", "K04"),
    ("everything at once", "lib/services/keeper.cpp", "++all.under_way;", "", "any"),
    ("a new leader acts at once", "lib/core/leader/leader.cpp", "return s.at == phase::leading && may_act(s, now);", "return may_act(s, now);", CORE),
    ("a leader in an old epoch goes on", "lib/guard/desk.cpp", "if (r.epoch != epoch)", "if (false)", GUARD),
    ("a lock is taken off whatever the record says", "lib/core/handover/handover.cpp", "if (r.epoch != 0 && !is_cleaned_up(", "if (false && !is_cleaned_up(", CORE),
    ("a lock is taken off anybody's guest", "lib/core/handover/handover.cpp", "if (!is_half_made(", "if (false && !is_half_made(", CORE),
    ("the guard does not look at the lock's age", "lib/guard/desk.cpp", "time_.boottime() - *lock_since_ < leader::timing::act", "true", GUARD),
    ("the guard believes that a node is gone", "lib/guard/desk.cpp", "if (r.is_source_gone && r.epoch != 0) return not_gone(files, r.source);", "", GUARD),
    ("the lock is removed however old it is", "lib/guard/desk.cpp", "begun - *lock_since_ >= leader::timing::release", "false", GUARD),
    ("a second copy may run on", "lib/guard/heart.cpp", "const bool is_killed = running_.kill(g);", "const bool is_killed = true;", GUARD),
]


def catches(tree, who):
    """The names of what fails now."""
    if who.startswith("unit: "):
        name = who.split()[1]
        return [who] if subprocess.run([tree.program(name)], capture_output=True, check=False).returncode else []
    if who == "crashes":
        done = subprocess.run([tree.program("steward"), "simulate", "crashes", "--every", "5", str(ROOT / "tests/sim/crashes/reachable.yaml")],
                              capture_output=True, text=True, check=False)
        return ["crashes"] if done.returncode else []
    later = {line.split()[0] for line in (ROOT / "tests/scenarios/later.txt").read_text().splitlines() if line[:1].isupper()}
    files = [f for f in sorted((ROOT / "tests/scenarios").glob("*.yaml")) if f.name.split("-")[0] not in later]
    if who != "any":
        files = [f for f in files if f.name.split("-")[0] in who.split("|")]
    done = subprocess.run([tree.program("steward"), "simulate", "run", *map(str, files)], capture_output=True, text=True, check=False)
    return [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAIL")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="those with this in their names; several with |")
    given = parser.parse_args()
    tree = Tree(ROOT, ["steward", "test_core", "test_guard"])
    tree.prepare()
    chosen = [p for p in PROTOCOLS if any(word in p[0] for word in given.only.split("|"))]
    for who in sorted({p[-1] for p in chosen}):
        if failing := catches(tree, who):
            sys.exit(f"without any change {', '.join(failing[:8])} fails")
    missed = 0
    for name, file, old, new, who in chosen:
        began = time.monotonic()
        patches = file if isinstance(file, list) else [(file, old, new)]
        before = {path: tree.read(path) for path, _, _ in patches}
        for path, there, instead in patches:
            text = tree.read(path)
            if text.count(there) != 1:
                sys.exit(f"{name}: {path} has it {text.count(there)} times: {there!r}")
            tree.write(path, text.replace(there, instead))
        try:
            found = catches(tree, who) if tree.compile() else None
        finally:
            for path, text in before.items():
                tree.write(path, text)
        if found is None:
            sys.exit(f"{name}: does not compile")
        missed += not found
        print(f"{'caught' if found else 'MISSED'} {name}: {', '.join(found[:8]) or who} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{missed} of {len(chosen)} wrong protocols missed" if missed else f"all {len(chosen)} wrong protocols caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
