"""End to end: real processes, one scenario per call. `run.py --bin DIR NAME`, `run.py --list`."""
import json
import pathlib
import signal
import subprocess
import sys
import time

from site_under_test import Site, expect, play

PHASES = ["claimed", "stopping", "isolating", "parked", "restoring", "restored", "starting", "verifying", "done"]


def dies_twice(binaries):
    """Dies: restarted in place. Dies again: restored elsewhere, with the original kept."""
    with Site(binaries) as site:
        site.write_config()
        site.start_guard()
        site.start_daemon()
        site.wait_until_up("ct/102")
        site.fault("guest ct102 crash")
        site.wait_for_state("ct/102", "restarting", 20)
        site.wait_until_up("ct/102")
        expect(site.model()["guests"]["ct/102"]["running_on"] == ["n2"], "restarted where it was")
        site.fault("guest ct102 crash")
        site.wait_for_state("ct/102", "done")
        guest = site.model()["guests"]["ct/102"]
        expect(guest["running_on"] == ["n1"], f"it runs on n1 only, not {guest['running_on']}")
        expect("n2" in guest["volumes"], "the original's volume is still on n2")
        expect(guest["parked"], "the original's configuration is parked")
        parked = site.directory / "pve/priv/steward/parked/102.n2.g2.conf"
        expect(parked.exists(), f"{parked} exists")
        expect("lock: migrate" in parked.read_text() and "onboot: 0" in parked.read_text(), "it is locked and does not autostart")
        expect("steward-g2" in guest["config"]["tags"], "the replacement carries our generation")
        expect(not site.writes("force"), "force is never sent")
        view = site.ask("why", "ct/102")
        told = [line["state"] for line in view["story"]]
        for phase in ("claimed", "stopping", "isolating", "parked", "restoring", "restored", "starting", "verifying", "done"):
            expect(phase in told, f"the story tells of {phase}: {told}")
        text = site.cli("why", "ct/102").stdout
        expect("restored on n1 in" in text and "proven stopped on n2" in text, "the story gives reasons and durations:\n" + text)
        expect("last decisions" in text, "why shows the ledger's last lines:\n" + text)
        told = json.loads(site.cli("ledger", "ct/102", "-o", "json").stdout)["decisions"]
        begun = [line["begins"] for line in told if line["verdict"] == "act"]
        expect(begun == ["restart", "claim", "stop", "isolate", "restore", "start"], f"the ledger has what was done: {begun}")
        ledger_without_daemon(site, told)


def ledger_without_daemon(site, told):
    """The daemon is down: the files say the same, and a changed word in them is found."""
    site.kill("stewardd")
    directory = site.directory / "state/ledger"
    offline = site.cli("ledger", "ct/102", "-o", "json", "--dir", str(directory))
    expect(json.loads(offline.stdout)["decisions"] == told, "the files say the same: " + offline.stdout)
    expect(site.cli("ledger", "--verify", "--dir", str(directory)).returncode == 0, "the chain is whole")
    file = directory / "ledger-00000001.jsonl"
    file.write_text(file.read_text().replace('"restart in place 1 of 1', '"restart in place 0 of 1', 1))
    broken = site.cli("ledger", "--verify", "--dir", str(directory))
    expect(broken.returncode == 2 and f"BROKEN {file}:" in broken.stdout, "the change is found: " + broken.stdout)


def killed_everywhere(binaries):
    """kill -9 of the daemon in each state of a hand-over; a new one takes it up and repeats nothing."""
    for phase in PHASES:
        with Site(binaries, speed=10, guests="ct102@n2") as site:
            site.write_config(restarts=0, guests=("ct/102",))
            site.start_guard()
            site.start_daemon()
            site.wait_until_up("ct/102")
            site.fault("guest ct102 crash")
            record = site.directory / "state/records/guest.102.record"
            end = time.monotonic() + 60
            while not reached(record, phase):  # without a pause: some states last milliseconds
                expect(time.monotonic() < end, f"the record never said {phase}")
            site.kill("stewardd")
            at = state_in(record)
            site.start_daemon()
            site.wait_for_state("ct/102", ("done", "watching"))
            site.wait("generation 2", lambda: site.ask("why", "ct/102")["generation"] == 2, 60)
            guest = site.model()["guests"]["ct/102"]
            expect(guest["running_on"] == ["n1"], f"killed in {at}: runs on n1 only, not {guest['running_on']}")
            expect(len(site.writes("POST /nodes/n1/lxc ")) == 1, f"killed in {at}: restored once: {site.writes()}")
            expect(len(site.writes("/status/start")) == 1, f"killed in {at}: started once: {site.writes()}")
            print(f"killed in {at} (aimed at {phase}): resumed, restored once, started once")


def killed_elsewhere(binaries):
    """kill -9 during a restart in place, while cleaning a failed target, and while rolling back."""
    for phase, restarts, faults in (("restarting", 1, []), ("cleaning", 0, ["restore ct102 fail 10% @ n1,n3"]),
                                    ("rolling_back", 0, ["restore ct102 fail 10% @ n1,n3"])):
        with Site(binaries, speed=10, guests="ct102@n2") as site:
            site.write_config(restarts=restarts, guests=("ct/102",))
            site.start_guard()
            site.start_daemon()
            site.wait_until_up("ct/102")
            for fault in faults:
                site.fault(fault)
            site.fault("guest ct102 crash")
            record = site.directory / "state/records/guest.102.record"
            end = time.monotonic() + 90
            while state_in(record) != phase:
                expect(time.monotonic() < end, f"the record never said {phase}")
            site.kill("stewardd")
            site.start_daemon()
            site.wait_until_up("ct/102", 120)
            guest = site.model()["guests"]["ct/102"]
            expect(guest["running_on"] == ["n2"], f"killed in {phase}: runs at home only, not {guest['running_on']}")
            expect(site.ask("why", "ct/102")["generation"] == 1, "still the original")
            expect("lock" not in guest["config"] and guest["config"]["onboot"] == "1", f"as it was: {guest['config']}")
            print(f"killed in {phase}: the original runs at home")


def state_in(record):
    try:
        text = record.read_text()
    except FileNotFoundError:
        return ""
    return text.split('"state":"')[1].split('"')[0]


def reached(record, phase):
    """True in that phase or any later one: short phases pass between two looks."""
    at = state_in(record)
    return at in PHASES and PHASES.index(at) >= PHASES.index(phase)


def observe_writes_nothing(binaries):
    """Observe mode: a plan, a reason, and no write call."""
    with Site(binaries, mode="observe") as site:
        site.write_config()
        site.start_guard()
        site.start_daemon()
        site.wait_until_up("ct/102")
        plan = site.ask("plan", "ct/102")
        expect(plan["possible"] and plan["targets"] == ["n1", "n3"], f"a plan: {plan}")
        site.fault("guest ct102 crash")
        site.wait_for_state("ct/102", "held", 20)
        view = site.ask("why", "ct/102")
        expect(view["hold"]["code"] == "observe_mode", f"held because of the mode: {view['hold']}")
        expect("would restart it in place" in view["hold"]["text"], view["hold"]["text"])
        refused = site.cli("failover", "ct/102")
        expect(refused.returncode == 1 and "observe mode" in refused.stderr, refused.stderr)
        expect(site.cli("status").returncode == 2, "status is critical: a guest is down and nobody may act")
        expect(site.writes() == [], f"no write call: {site.writes()}")
        expect(site.cli("arm").returncode == 0, "arm")
        site.wait_until_up("ct/102")
        site.stop("stewardd")
        site.start_daemon()
        expect(site.ask("status")["mode"] == "armed", "the mode outlives a restart")


def reload_good_and_bad(binaries):
    """SIGHUP: a good file is taken and unchanged checks keep their state; a bad one changes nothing."""
    with Site(binaries) as site:
        site.write_config(guests=("ct/101",))
        site.start_guard()
        site.start_daemon()
        site.wait_until_up("ct/101")
        daemon = site.processes["stewardd"]
        site.write_config(guests=("ct/101", "ct/102"))
        site.log_mark = len(site.log())
        daemon.send_signal(signal.SIGHUP)
        site.wait("the second guest", lambda: site.state("ct/102") is not None, 10)
        view = site.ask("why", "ct/101")
        expect(view["health"] == "up" and view["checks"][0]["state"] == "up", f"the unchanged check kept its state: {view}")
        expect("check.state guest=ct/101" not in site.log()[site.log_mark:], "and was not restarted")
        site.wait_until_up("ct/102")
        site.write_config(extra="  vm/103:\n    chekcs: []\nmodde: armed\n")
        daemon.send_signal(signal.SIGHUP)
        wanted = ("config.rejected", "chekcs", "modde")
        site.wait("all complaints", lambda: all(word in site.log() for word in wanted), 10)
        expect(site.state("ct/102") == "watching" and daemon.poll() is None, "the old configuration stays in force")
        site.write_config(guests=("ct/102",))
        daemon.send_signal(signal.SIGHUP)
        site.wait("ct/101 gone", lambda: len(site.ask("status")["guests"]) == 1, 10)
        site.mode = "observe"
        site.write_config(guests=("ct/102",))
        daemon.send_signal(signal.SIGHUP)
        site.wait("the file's new mode", lambda: site.ask("status")["mode"] == "observe", 10)
        seconds, status = site.stop("stewardd")
        expect(status == 0 and seconds < 10, f"SIGTERM: status {status} after {seconds:.1f} s")


def second_daemon_refuses(binaries):
    """A second stewardd on the node leaves and says who holds it."""
    with Site(binaries) as site:
        site.write_config()
        site.start_guard()
        site.start_daemon()
        holder = site.processes["stewardd"].pid
        second = subprocess.run([str(site.binaries / "stewardd"), "--config", str(site.config)], capture_output=True, text=True,
                                timeout=30, check=False)
        expect(second.returncode == 1, f"it left with {second.returncode}")
        expect(str(holder) in second.stderr, f"it names the holder {holder}: {second.stderr}")
        expect(site.ask("status") is not None, "the first one is not disturbed")


def blind_means_no_action(binaries):
    """API silent, empty or garbled while the service is down: unknown, no write call. Seen again: it acts."""
    with Site(binaries) as site:
        site.write_config(restarts=0)
        site.start_guard()
        site.start_daemon()
        site.wait_until_up("ct/102")
        for how in ("hang", "garbage", "list-empty", "500", "drop-reply"):
            site.fault(f"api any {how}")
            site.fault("guest ct102 crash")
            # Whether PVE is at work on it cannot be asked: then it is in doubt, and not down.
            site.wait(f"{how}: held or not able to look",
                      lambda: site.state("ct/102") in ("held", "confirming", "suspect") and
                      site.ask("why", "ct/102")["health"] in ("down", "suspicious"), 30)
            began = time.monotonic()
            site.wait("three more seconds", lambda: time.monotonic() - began > 3, 10)
            expect(site.state("ct/102") in ("held", "confirming", "suspect"), f"{how}: {site.ask('why', 'ct/102')}")
            expect(site.writes() == [], f"{how}: {site.writes()}")
            # The guest first: with the API back and the guest still down a hand-over would be right.
            site.fault("guest ct102 heal")
            site.wait(f"{how}: seen up", lambda: site.ask("why", "ct/102")["health"] == "up", 30)
            site.fault("api any ok")
            site.wait_until_up("ct/102")
        site.fault("guest ct102 crash")
        site.wait_for_state("ct/102", "done")


def wrong_fingerprint_sends_nothing(binaries):
    """A certificate that is not the configured one: no request, so no token, reaches the server."""
    with Site(binaries) as site:
        site.write_config(fingerprint=":".join(["AB"] * 32))
        site.start_guard()
        site.start_daemon()
        site.wait("the refusal", lambda: "fingerprint" in (site.ask("status") or {}).get("cluster", {}).get("problem", ""), 20)
        expect(site.cli("status").returncode == 3, "status is unknown")
        expect(site.model()["calls"]["by_verb"] == {}, f"nothing arrived: {site.model()['calls']}")
        site.write_config(fingerprint=site.ready["nodes"][0]["fingerprint"])
        site.processes["stewardd"].send_signal(signal.SIGHUP)
        site.wait("the right one works after a reload", lambda: site.ask("status")["cluster"]["problem"] == "", 20)


def works_with_what_is_missing(binaries):
    """Without the guard nothing is stopped; TCP checks; an ordered hand-over from the command line."""
    with Site(binaries, guests="ct101@n1,ct102@n2") as site:
        site.write_config(restarts=0, kind="tcp")
        site.start_daemon()
        site.wait_until_up("ct/102")
        plan = site.ask("plan", "ct/102")
        expect(not plan["possible"] and plan["code"] == "no_guard", f"refused without the guard: {plan}")
        site.fault("guest ct102 crash")
        site.wait_for_state("ct/102", "held", 20)
        expect(site.writes() == [], f"nothing was stopped: {site.writes()}")
        site.start_guard()
        site.wait_for_state("ct/102", "done", 120)
        for wrong in (("pause", "ct/999"), ("maintenance", "ct/101"), ("pause", "node/n9"), ("pause", "cluster", "--for", "ever")):
            refused = site.cli(*wrong)
            expect(refused.returncode != 0 and refused.stderr, f"{wrong}: {refused.returncode} {refused.stderr}")
        paused = site.cli("maintenance", "node/n2", "--for", "1h", "--reason", "new memory")
        expect(paused.returncode == 0 and "node/n2 in maintenance" in paused.stdout, paused.stdout + paused.stderr)
        states = {n["node"]: n["state"] for n in site.ask("status")["cluster"]["nodes"]}
        expect(states["n2"] == "maintenance", f"the node says so: {states}")
        plan = site.ask("plan", "ct/101")
        expect("n2" not in plan["targets"], f"nothing goes to a node in maintenance: {plan}")
        resumed = site.cli("resume", "node/n2")
        expect(resumed.returncode == 0 and "nothing is paused" in resumed.stdout, resumed.stdout + resumed.stderr)
        expect(site.cli("resume", "node/n2").returncode == 1, "what is not paused cannot be resumed")
        healthy = site.cli("failover", "ct/101", "--to", "n3")
        expect(healthy.returncode == 1 and "is healthy" in healthy.stderr, healthy.stderr)
        done = site.cli("failover", "ct/101", "--to", "n3", "--force", "--wait")
        expect(done.returncode == 0 and "done" in done.stdout, done.stdout + done.stderr)
        expect(site.model()["guests"]["ct/101"]["running_on"] == ["n3"], "ct/101 went where it was sent")


def bad_configuration_is_explained(binaries):
    """check-config and the daemon name every error with its place; an empty and a 10 MiB file do no harm."""
    with Site(binaries) as site:
        site.write_config(extra="mode: armedd\nstate_dir: [1]\n")
        for file, text in (("empty.yaml", ""), ("huge.yaml", "# " + "x" * (10 << 20))):
            (site.directory / file).write_text(text)
        checked = site.run("check-config", str(site.config))
        expect(checked.returncode == 1 and checked.stderr.count(str(site.config) + ":") >= 2, checked.stderr)
        for file in ("empty.yaml", "huge.yaml"):
            refused = site.run("check-config", str(site.directory / file))
            expect(refused.returncode == 1 and refused.stderr, f"{file}: {refused.returncode} {refused.stderr}")
        started = subprocess.run([str(site.binaries / "stewardd"), "--config", str(site.config)], capture_output=True, text=True,
                                 timeout=30, check=False)
        expect(started.returncode == 1 and "not started" in started.stderr, started.stderr)
        site.write_config()
        good = site.run("check-config", str(site.config))
        expect(good.returncode == 0 and "2 guest(s)" in good.stdout, good.stdout + good.stderr)


def api_from_the_shell(binaries):
    """steward api: direct to PVE, checked before anything leaves, described, completed, with the task followed."""
    with Site(binaries, guests="ct101@n1,ct102@n2") as site:
        site.write_config()

        def api(*words, config=True):
            return site.run("api", *words, *(["--config", str(site.config)] if config else []))

        guests = {r["vmid"]: r for r in json.loads(api("get", "/cluster/resources", "type=vm", "-o", "json").stdout)}
        expect(set(guests) == {101, 102}, f"the guests: {guests}")
        table = api("get", "cluster/resources", "type=vm").stdout.splitlines()
        expect(table[0].startswith("vmid  id ") and table[1].startswith("101   lxc/101"), "\n".join(table))
        expect("hostname: ct101" in api("get", "/nodes/n1/lxc/101/config", "-o", "yaml").stdout, "yaml")
        nodes = {how: api("get", "/nodes", "-o", how).stdout for how in ("table", "json", "yaml")}
        expect([n["node"] for n in json.loads(nodes["json"])] == ["n1", "n2", "n3"], nodes["json"])
        expect(nodes["table"].startswith("id       node  type") and "\nnode/n1  n1    node  online" in nodes["table"], nodes["table"])
        expect(nodes["yaml"].count("\n  node: n") == 3 and "E-" not in nodes["yaml"], nodes["yaml"])

        refused = api("set", "/nodes/n1/lxc/101/config", "memory=8", "hostname=a b", "colour=green")
        expect(refused.returncode == 2 and all(w in refused.stderr for w in ("memory: ", "hostname: ", "colour: ")), refused.stderr)
        lost = api("get", "/nodes/n1/lcx")
        expect(lost.returncode == 2 and "are lxc" in lost.stderr, lost.stderr)
        new = api("get", "/nodes/n1/query-oci-repo-tags", "reference=x")
        expect(new.returncode == 2 and "since PVE 9.1; the cluster has 8.4" in new.stderr, new.stderr)
        twice = api("set", "/nodes/n1/lxc/101/config", "vmid=102", "memory=64")
        expect(twice.returncode == 2 and "vmid is given by the path" in twice.stderr, twice.stderr)
        no_verb = api("delete", "/nodes")
        expect(no_verb.returncode == 2 and "only GET" in no_verb.stderr, no_verb.stderr)
        no_file = api("set", "/nodes/n1/lxc/101/config", f"description=@{site.directory}/none")
        expect(no_file.returncode == 2 and "cannot be read" in no_file.stderr, no_file.stderr)
        expect(site.writes() == [], f"nothing was written: {site.writes()}")

        # Told not to check it warns, and PVE has the last word.
        unchecked = api("set", "/nodes/n1/lxc/101/config", "memory=8", "--no-check")
        expect("warning: " in unchecked.stderr and "(status 400)" in unchecked.stderr, unchecked.stderr)
        expect(unchecked.returncode == 1 and unchecked.stderr.count("must have a minimum value of 16") == 2, unchecked.stderr)
        newer = api("get", "/cluster/of-tomorrow", "--no-check")
        expect(newer.returncode == 1 and "is no path" in newer.stderr and "(status 501)" in newer.stderr, newer.stderr)

        hidden = api("create", "/access/users", "userid=u@pve", "password=pa55word", "--trace")
        expect("POST /api2/json/access/users" in hidden.stderr and "pa55word" not in hidden.stderr, hidden.stderr)
        set_it = api("set", "/nodes/n1/lxc/101/config", "onboot=no", "description=-", "--trace")
        secret = pathlib.Path(site.ready["token_file"]).read_text().strip().rsplit("=", 1)[1]
        expect(set_it.returncode == 0 and "PUT /api2/json/nodes/n1/lxc/101/config" in set_it.stderr, set_it.stderr)
        expect(secret not in set_it.stderr and "Authorization: …" in set_it.stderr, "the trace keeps the token to itself")
        expect(site.model()["guests"]["ct/101"]["config"]["onboot"] == "0", "truth was said in words and sent as a number")

        stopped = api("create", "/nodes/n1/lxc/101/status/stop", "--wait")
        expect(stopped.returncode == 0 and "task OK" in stopped.stdout, stopped.stdout + stopped.stderr)
        site.fault("guest ct101 start-fails")
        failed = api("create", "/nodes/n1/lxc/101/status/start", "--wait", "-o", "json")
        expect(failed.returncode == 1 and json.loads(failed.stdout).startswith("UPID:n1:"), failed.stdout + failed.stderr)
        exit_text = failed.stderr.splitlines()[-1]
        expect(exit_text.startswith("task ") and exit_text != "task OK", f"how the task ended: {failed.stderr}")
        upid = json.loads(failed.stdout)
        for path in (upid, upid.replace(":", "%3A")):
            task = json.loads(api("get", f"/nodes/n1/tasks/{path}/status", "-o", "json").stdout)
            expect(task["upid"] == upid and "task " + task["exitstatus"] == exit_text, f"{path}: {task}")
        done = api("delete", f"/nodes/n1/tasks/{upid}")
        expect(done.stdout == f"deleted /nodes/n1/tasks/{upid}\n", done.stdout + done.stderr)
        again = api("create", "/nodes/n1/lxc/101/status/stop")
        expect(again.returncode == 1 and "not running" in again.stderr, again.stderr)
        gone = api("delete", "/nodes/n1/lxc/101", "purge=1", "--wait")
        expect(gone.returncode == 0 and site.writes("DELETE /nodes/n1/lxc/101"), gone.stdout + gone.stderr)
        left = json.loads(api("get", "/cluster/resources", "type=vm", "-o", "json").stdout)
        expect([r["vmid"] for r in left] == [102], f"it is gone: {left}")

        url = site.ready["nodes"][0]["url"].removeprefix("https://").rstrip("/")
        direct = api("get", "/version", "--endpoint", "127.0.0.1:1", "--endpoint", url, "--token-file", site.ready["token_file"], "--ca-file", site.ready["ca_file"],
                     "-o", "json", config=False)
        expect(json.loads(direct.stdout)["release"] == "8.4", direct.stderr)
        expect("ostemplate*" in api("describe", "/nodes/{node}/lxc", "POST", config=False).stdout, "describe needs no cluster")
        expect("lxc/" in api("ls", "/nodes/n1", config=False).stdout, "ls needs no cluster")
        nobody = api("get", "/version", "--endpoint", "127.0.0.1:1")
        expect(nobody.returncode == 3 and "refused" in nobody.stderr, nobody.stderr)
        open_file = site.directory / "open.token"
        open_file.write_text("a@pve!b=c\n")
        open_file.chmod(0o644)
        unsafe = api("get", "/version", "--token-file", str(open_file))
        expect(unsafe.returncode == 2 and "open.token" in unsafe.stderr, unsafe.stderr)


def forecast_before_any_disaster(binaries):
    """steward forecast: with nothing but an endpoint and a token, without a daemon; writes nothing, and learns from restores."""
    with Site(binaries, guests="ct101@n1,ct102@n2,vm103@n3:nfs-vm") as site:
        def forecast(*words):
            return site.run("forecast", *words, *site.way())

        good = forecast()
        expect(good.returncode == 0 and "3 of 3 guest(s) that run would come back\n" in good.stdout, good.stdout + good.stderr)
        expect("nobody knows how long one takes" in good.stdout and "none of them is managed" in good.stdout, good.stdout)
        moved = json.loads(forecast("vm/103", "-o", "json").stdout)["guests"][0]
        expect(moved["strategy"] == "relocate" and moved["loses_s"] == 0 and moved["back_after_s"] == 160, str(moved))

        site.fault("backup ct102 none")
        bad = forecast("--node-down", "n2")
        expect(bad.returncode == 1 and "ct/102: what helps: make one" in bad.stdout and "ct/101" not in bad.stdout, bad.stdout)
        expect(site.writes() == [], f"nothing was written: {site.writes()}")

        for words, why in ((["ct/999"], "not in the cluster's list"), (["--node-down", "n9"], 'no node "n9"'), (["-o", "xml"], "-o takes")):
            refused = forecast(*words)
            expect(refused.returncode == 2 and why in refused.stderr, refused.stderr)
        nobody = site.run("forecast", *site.way("127.0.0.1:1"))
        expect(nobody.returncode == 3, f"{nobody.returncode}: {nobody.stderr}")

        site.write_config()
        managed = json.loads(site.run("forecast", "--config", str(site.config), "-o", "json").stdout)["guests"]
        expect({g["guest"] for g in managed if g["managed"]} == {"ct/101", "ct/102"}, str(managed))


def backups_by_hand(binaries):
    """steward backup: create, list, restore beside the original, prune and delete; the last good archive stays."""
    with Site(binaries, speed=100, guests="ct101@n1,ct102@n2,vm103@n3") as site:
        def backup(*words):
            return site.run("backup", *words, *site.way())

        def archives(*words):
            return [a for a in json.loads(backup("list", *words, "-o", "json").stdout) if a["volid"]]

        for words, why in ((["list", "ct/999"], "speaks of no guest"), (["create", "@all"], "--storage S"), (["create", "--storage", "backup"], "needs GUESTS"),
                           (["prune", "@all"], "what stays"), (["delete", "backup:backup/none"], "there is no archive"), (["eat"], "backup takes"),
                           (["list", "@colour-red"], "@tag-NAME"), (["restore", archives("101")[0]["volid"]], "vmid 101 is taken")):
            refused = backup(*words)
            expect(refused.returncode == 2 and why in refused.stderr, f"{words}: {refused.returncode} {refused.stderr}")
        dry = backup("create", "@all", "-vm/103", "--storage", "backup", "--dry-run")
        expect(dry.returncode == 0 and dry.stdout.count("would be backed up") == 2, dry.stdout)
        expect(site.writes() == [], f"nothing was written: {site.writes()}")

        made = backup("create", "100-102", "--storage", "backup")
        expect(made.returncode == 0 and made.stdout.count("backed up to backup in") == 2, made.stdout + made.stderr)
        expect(len(archives("ct101")) == 2 and len(archives("@node-n3")) == 1, str(archives()))
        old, new = archives("101")[1]["volid"], archives("101")[0]["volid"]
        unknown = backup("create", "ct/101", "--storage", "nowhere")
        expect(unknown.returncode == 1 and "ct/101: " in unknown.stderr, f"{unknown.returncode}: {unknown.stderr}")

        copy = backup("restore", new, "--vmid", "177", "--storage", "local-lvm", "--node", "n2", "--start")
        expect(copy.returncode == 0 and "ct/177: started" in copy.stdout, copy.stdout + copy.stderr)

        # It may not change a copy's network: told before anything is done.
        refused = backup("verify", "vm/103")
        expect(refused.returncode == 2 and "lacks VM.Config.Network" in refused.stdout, refused.stdout + refused.stderr)
        password = site.directory / "root.password"
        password.write_text("simulated\n")
        password.chmod(0o600)
        root = [*site.way()[:2], "--user", "root@pam", "--password-file", str(password), "--ca-file", site.ready["ca_file"]]
        for call in (["create", "/nodes/n3/qemu/103/status/stop", "--wait"], ["set", "/nodes/n3/qemu/103/config", "agent=1"]):
            agent = site.run("api", *call, *root)
            expect(agent.returncode == 0, agent.stderr)
        fresh = site.run("backup", "create", "vm/103", "--storage", "backup", *root)
        expect(fresh.returncode == 0, fresh.stdout + fresh.stderr)
        tried_before = site.writes()
        tried = site.run("backup", "verify", "vm/103", "-o", "json", *root)
        expect(tried.returncode == 0, tried.stdout + tried.stderr)
        verdict = json.loads(tried.stdout)[0]
        expect(verdict["result"] == "works" and not verdict["left_behind"], tried.stdout)
        expect(len(site.writes()) > len(tried_before) and not [w for w in site.writes()[len(tried_before):] if "/103/status" in w],
               "the guest itself is left alone")
        expect("verified" in backup("list", "vm/103").stdout, "it is noted in the archive")
        # Interrupted while the copy runs.
        trying = subprocess.Popen([str(site.binaries / "steward"), "backup", "verify", "ct/102", *root], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "starting" not in (line := trying.stderr.readline()):
            expect(line, "verify has ended too early")
        trying.send_signal(signal.SIGINT)
        told, remarks = trying.communicate(timeout=60)
        expect(trying.returncode == 1 and "ct/102: stopped" in told and "cleaning up" in remarks, told + remarks)
        expect(site.run("backup", "verify", "--cleanup", *root).stdout == "nothing was left behind\n", "nothing is left")

        kept = backup("prune", "ct/101", "--keep", "1", "--dry-run", "-o", "json")
        expect([(a["volid"], a["remove"]) for a in json.loads(kept.stdout)] == [(new, False), (old, True)], kept.stdout)
        pruned = backup("prune", "ct/101", "--keep-within", "1s")
        expect(pruned.returncode == 0 and f"{old}: removed" in pruned.stdout, pruned.stdout + pruned.stderr)
        expect([a["volid"] for a in archives("101")] == [new], str(archives("101")))

        last = backup("delete", new, "--confirm", "something else")
        expect(last.returncode == 1 and "last good backup of ct/101" in last.stderr, last.stderr)
        expect(len(archives("101")) == 1, "it is still there")
        meant = backup("delete", new, "--confirm", new)
        expect(meant.returncode == 0 and archives("101") == [], meant.stdout + meant.stderr)
        expect("NO BACKUP" in backup("list", "ct/101").stdout, "a guest without any is listed")


def one_of_two_clusters_dies(binaries):
    """One stewardd for two clusters: one is switched off, the other recovers its guest; reloads touch what they are about."""
    with Site(binaries, guests="ct101@n1,ct102@n2") as a, Site(binaries, guests="ct102@n2") as b:
        def section(site, key, extra=""):
            return [f"  {site}:", "    endpoints: [" + ", ".join(n["url"] for n in key.ready["nodes"]) + "]", f"    ca_file: {key.ready['ca_file']}",
                    f"    token_file: {key.ready['token_file']}", "    poll_interval: 1s", "    request_timeout: 2s", f"    guard_socket: {key.directory}/guard.sock",
                    "    guests:", f"      \"102{extra}\":", f"        checks: [{{http: \"http://{key.addresses['ct/102']}/\"}}]"]

        def write(*sections):
            a.config.write_text("\n".join(["clusters:", *[line for s in sections for line in s], "mode: armed", f"state_dir: {a.directory}/state",
                                           f"control_socket: {a.directory}/control.sock", "defaults:", "  check: {interval: 500ms, timeout: 400ms, rise: 2, fall: 2}",
                                           "  restart: {attempts: 0}", "  failover: {stop_timeout: 20s, verify_timeout: 60s, cooldown: 5s}"]) + "\n")

        def guest(name):
            answer = a.ask("why", "ct/102", "--cluster", name)
            return (answer["state"], answer["health"]) if answer else None

        write(section("one", a), section("two", b))
        a.start_guard()
        b.start_guard()
        a.start_daemon()
        for name in ("one", "two"):
            a.wait(f"ct/102 of {name} up", lambda n=name: guest(n) == ("watching", "up"), 60)
        both = a.ask("status")
        expect([c["name"] for c in both["clusters"]] == ["one", "two"] and both["severity"] == "ok", str(both))
        unclear = a.cli("why", "ct/102")
        expect(unclear.returncode == 1 and "which cluster? --cluster with one of: one, two" in unclear.stderr, unclear.stderr)
        nowhere = a.cli("why", "ct/102", "--cluster", "three")
        expect(nowhere.returncode == 1 and 'no cluster "three"' in nowhere.stderr, nowhere.stderr)

        b.kill("simulator")
        a.wait("two is not seen any more", lambda: a.ask("status", "--cluster", "two")["cluster"]["problem"], 60)
        a.fault("guest ct102 crash")
        a.wait("ct/102 of one is brought back", lambda: guest("one") and guest("one")[0] == "done", 90)
        expect(a.model()["guests"]["ct/102"]["running_on"] == ["n1"], "it runs on n1 only")
        expect([line for line in a.log().splitlines() if "failover.phase" in line and "to=done" in line and line.endswith("cluster=one")],
               "each event tells its cluster")
        expect((a.directory / "state/one/records/guest.102.record").exists(), "each cluster has records of its own")
        expect(a.cli("status").returncode in (2, 3), "the whole is as bad as its worst part")

        # A reload about the one that is away: the other's checks keep what they know.
        a.wait("ct/102 of one rests", lambda: guest("one") == ("watching", "up"), 60)
        changes = a.log().count("check.state")
        write(section("one", a), section("two", b, ",-vm/102"))
        a.processes["stewardd"].send_signal(signal.SIGHUP)
        a.wait("the reload", lambda: a.log().count("config.reloaded") == 1, 20)
        write(section("one", a))
        a.processes["stewardd"].send_signal(signal.SIGHUP)
        a.wait("cluster two to go", lambda: "clusters" not in a.ask("status"), 20)
        one = [line for line in a.log().splitlines()[-40:] if "check.state" in line and "guest=ct/102" in line]
        expect(guest("one") == ("watching", "up") and a.log().count("check.state") == changes, f"the other is undisturbed: {one}")
        took, status = a.stop("stewardd")
        expect(status == 0 and took < 10, f"it leaves in {took} s with {status}")


def completion_knows_the_cluster(binaries):
    """What the shells ask for: commands, paths, parameters, values, and what lives on the cluster; silent without one."""
    with Site(binaries, guests="ct101@n1,ct102@n2,vm103@n3") as site:
        site.write_config()
        cluster = ["--config", str(site.config)]

        def completed(*words):
            done = site.run("__complete", *words)
            expect(done.returncode == 0 and not done.stderr, f"{words}: {done.returncode} {done.stderr}")
            return done.stdout.split()

        expect(completed("ap") == ["api", "approve"], "commands")
        expect(completed("api", "d") == ["delete", "describe"], "what api takes")
        expect(completed("api", "get", "-o", "json", "/cl") == ["/cluster/"], "paths, beside options")
        expect(completed("api", "get", *cluster, "/nodes/") == ["/nodes/n1/", "/nodes/n2/", "/nodes/n3/"], "nodes")
        expect(completed("api", "get", *cluster, "/nodes/n2/lxc/") == ["/nodes/n2/lxc/102/"], "guests of a node")
        expect(completed("api", "get", *cluster, "/nodes/n3/qemu/") == ["/nodes/n3/qemu/103/"], "VMs of a node")
        storages = completed(*cluster, "api", "get", "/nodes/n1/storage/")
        expect("/nodes/n1/storage/local-lvm/" in storages, f"storages: {storages}")
        targets = completed("api", "create", "/nodes/n1/lxc/101/migrate", *cluster, "target=")
        expect(targets == ["target=n1", "target=n2", "target=n3"], f"values: {targets}")
        left = completed("api", "create", "/nodes/n1/lxc/101/status/shutdown", "timeout=5", "")
        expect(left == ["forceStop="], f"parameters: {left}")
        expect(completed("api", "get", "--output=y") == ["--output=yaml"], "an option and its value")
        expect(completed("api", "-o", "t") == ["table"], "an option's value")
        expect("--fingerprint" in completed("api", "get", "--"), "options")
        url = "127.0.0.1:1"
        dead = ["--endpoint", url, "--token-file", site.ready["token_file"], "--ca-file", site.ready["ca_file"]]
        expect(completed("api", "get", *dead, "/nodes/") == [], "nobody answers")
        expect(completed("api", "get", "--config", str(site.directory / "none.yaml"), "/nodes/") == [], "no configuration")

        script = site.directory / "steward.bash"
        script.write_text(site.run("completion", "bash").stdout)

        ask = site.directory / "ask.sh"
        ask.write_text(f"source {script}\n"
                       "COMP_WORDBREAKS=$' \\t\\n\"\\'@><=;|&(:'\n"
                       "COMP_LINE=$1 COMP_POINT=${#1}\n"
                       "_steward\n"
                       "printf '%s\\n' \"${COMPREPLY[@]}\"\n")

        def typed(line):
            """What bash puts in for the last word, after its last '=', ':' or '@'."""
            done = subprocess.run(["bash", "--norc", str(ask), line], capture_output=True, text=True, timeout=30, check=False)
            return sorted(done.stdout.split())

        program = site.binaries / "steward"
        expect(typed(f"{program} api get {' '.join(cluster)} /nodes/n1/lxc/1") == ["/nodes/n1/lxc/101/"], "bash: a guest")
        expect(typed(f"{program} api get /cluster/resources type=st") == ["storage"], "bash: a value")
        expect(typed(f"{program} api ") == ["create", "delete", "describe", "get", "ls", "set"], "bash: commands")
        expect(typed(f"{program} --config {site.directory}/stew") == [str(script), str(site.config)], "bash: a file")
        expect(typed(f"{program} api set /nodes/n1/lxc/101/config description=@{site.config}") == [str(site.config)], "bash: a value's file")


SCENARIOS = {f.__name__: f for f in (dies_twice, killed_everywhere, killed_elsewhere, observe_writes_nothing, reload_good_and_bad, second_daemon_refuses,
                                     blind_means_no_action, wrong_fingerprint_sends_nothing, works_with_what_is_missing,
                                     bad_configuration_is_explained, api_from_the_shell,
                                     completion_knows_the_cluster, forecast_before_any_disaster, backups_by_hand,
                                     one_of_two_clusters_dies)}


if __name__ == "__main__":
    sys.exit(play(SCENARIOS, __doc__))
