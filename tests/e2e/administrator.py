"""What an administrator does beside the main job: writes a configuration, asks the doctor, collects a support bundle."""
import io
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tarfile
import time

from site_under_test import Site, expect, play


def first_steps(binaries):
    """config init, check-config, show, schema; what is uncommented is good; nothing is written over, no rights are explained."""
    with Site(binaries, speed=1) as site:
        file = site.directory / "new.yaml"
        made = site.run("config", "init", str(file), *site.way())
        expect(made.returncode == 0 and "3 guest(s)" in made.stdout, made.stdout + made.stderr)
        text = file.read_text()
        for part in ("n1 n2 n3", "ct/101", "vm/103", "backup_storages: [", "token_file: /", "ca_file: /"):
            expect(part in text, f"{part} in:\n{text}")
        expect(site.run("check-config", str(file)).returncode == 0, site.run("check-config", str(file)).stderr)
        chosen = site.directory / "chosen.yaml"
        chosen.write_text("\n".join(line[1:] if line.startswith("#") and not line.startswith("##") else line for line in text.splitlines()) + "\n")
        checked = site.run("check-config", str(chosen))
        expect(checked.returncode == 0 and "3 guest(s)" in checked.stdout, checked.stdout + checked.stderr)
        again = site.run("config", "init", str(file), *site.way())
        expect(again.returncode == 1 and "is there already" in again.stderr and file.read_text() == text, again.stderr)
        expect(site.run("config", "init", "-", *site.way()).stdout == text, "the same on standard output")
        expect(site.writes() == [], f"nothing was written to the cluster: {site.writes()}")

        shown = site.run("config", "show", "--config", str(chosen), "--effective", "-o", "json")
        tree = json.loads(shown.stdout)
        expect(tree["guests"]["ct/101"]["checks"][0]["interval"] == "10s" and tree["mode"] == "observe", shown.stdout)
        expect("simulated" not in shown.stdout and site.ready["token_file"] in shown.stdout, "names of files, not what is in them")
        schema = json.loads(site.run("config", "schema").stdout)
        expect(set(tree) <= set(schema["properties"]), f"{set(tree)} {set(schema['properties'])}")

        site.fault("token deny VM.Audit")
        blind = site.run("config", "init", str(site.directory / "blind.yaml"), *site.way())
        expect(blind.returncode == 1 and "may see no guest" in blind.stderr and "pveum acl modify /vms --users " in blind.stderr, blind.stderr)
        expect(not (site.directory / "blind.yaml").exists(), "no file")


def running_configuration(binaries):
    """config diff against the daemon, an included file, and --watch."""
    with Site(binaries, speed=1) as site:
        (site.directory / "conf.d").mkdir()
        (site.directory / "conf.d/more.yaml").write_text(f"guests:\n  vm/103:\n    checks: [{{tcp: \"{site.addresses['vm/103']}\"}}]\n")
        site.write_config(extra="include: conf.d/*.yaml\n")
        unasked = site.cli("config", "diff", "--config", str(site.config))
        expect(unasked.returncode == 3 and "is stewardd running?" in unasked.stderr, unasked.stderr)
        site.start_guard()
        site.start_daemon()
        expect(len(site.ask("status")["guests"]) == 3, "the included guest is there")
        same = site.cli("config", "diff")
        expect(same.returncode == 0 and "runs with what" in same.stdout, same.stdout + same.stderr)
        (site.directory / "conf.d/more.yaml").unlink()
        site.write_config(extra="include: conf.d/*.yaml\n", restarts=7)
        other = site.cli("config", "diff")
        expect(other.returncode == 1 and "+defaults.restart.attempts: 7" in other.stdout and "-guests.vm/103.checks[0].tcp" in other.stdout, other.stdout)
        found = json.loads(site.cli("config", "diff", "-o", "json").stdout)["differences"]
        expect({"key": "defaults.restart.attempts", "running": 1, "file": 7} in found, str(found))
        site.processes["stewardd"].send_signal(signal.SIGHUP)
        site.wait("the reload", lambda: site.cli("config", "diff").returncode == 0, 10)
        expect(len(site.ask("status")["guests"]) == 2, "the file that went is noticed")

        guests = site.run("__complete", "why", "--socket", str(site.directory / "control.sock"), "").stdout.split()
        expect(guests[-2:] == ["ct/101", "ct/102"] and all(g.startswith("@") for g in guests[:-2]), f"completion from the daemon: {guests}")
        objects = site.run("__complete", "pause", "--socket", str(site.directory / "control.sock"), "node/").stdout.split()
        expect(objects == ["node/n1", "node/n2", "node/n3"], f"nodes: {objects}")
        watch = subprocess.Popen([str(site.binaries / "steward"), "status", "--socket", str(site.directory / "control.sock"), "-o", "json", "--watch=1"],
                                 stdout=subprocess.PIPE, text=True)
        begun = time.monotonic()
        answers = []
        while len(answers) < 4 and time.monotonic() - begun < 10:
            line = watch.stdout.readline()
            answers += [line] if line.rstrip() in ("{", "}") else []
            expect("\x1b" not in line, "a pipe is not cleared")
        watch.kill()
        watch.wait()
        expect([a.rstrip() for a in answers] == ["{", "}", "{", "}"], "one answer after the other")


def doctor_of(site, *words):
    done = site.run("doctor", "-o", "json", *words)
    expect(done.stdout.startswith("{"), f"{done.returncode} {done.stdout}{done.stderr}")
    report = json.loads(done.stdout)
    return done.returncode, report


def has(report, severity, topic, text):
    """A finding with that text, in what it says or what to do."""
    return any(f["severity"] == severity and f["topic"].startswith(topic) and text in f["text"] + f["todo"] for f in report["findings"])


def doctor_explains(binaries):
    """steward doctor: each thing that can lack is named with what to do."""
    with Site(binaries, speed=1) as site:
        site.write_config()
        config = ["--config", str(site.config)]
        site.start_guard()
        site.start_daemon()
        code, good = doctor_of(site, *config)
        bad = [f for f in good["findings"] if f["severity"] in ("critical", "warning")]
        expect(bad == [] and code == 3, f"{code}: {bad}")
        for topic in ("configuration", "endpoint 127.0.0.1", "quorum", "clock of n1", "privileges", "backups", "daemon", "guard"):
            expect(any(f["topic"].startswith(topic) and f["severity"] == "ok" for f in good["findings"]), f"{topic}: {good}")
        print_of = site.ready["nodes"][0]["fingerprint"]
        expect(has(good, "ok", "endpoint", print_of), f"{print_of} in {good}")

        def broken(fault, heal, severity, topic, text):
            site.fault(fault)
            # One endpoint is enough: PVE lets those wait whom it does not know.
            _, report = doctor_of(site, *config, "--endpoint", site.ready["nodes"][0]["url"].removeprefix("https://"))
            expect(has(report, severity, topic, text), f"{fault}: {json.dumps(report, indent=1)}")
            site.fault(heal)

        broken("token deny VM.Backup", "token allow VM.Backup", "critical", "privileges on /vms/101", "pveum acl modify /vms/101 --users ")
        broken("token deny Datastore.Allocate", "token allow Datastore.Allocate", "warning", "privileges on /storage/", "killed restore")
        broken("clock n2 step 90s", "clock n2 ok", "critical", "clock of n2", "chronyc")
        broken("clock n2 step 9s", "clock n2 ok", "warning", "clock of n2", "apart from the one here")
        broken("quorum off", "quorum on", "critical", "quorum", "refuses every change")
        broken("token revoke", "token restore", "critical", "endpoint", "pveum user token list")
        site.fault("backup ct102 none")
        _, report = doctor_of(site, *config)
        expect(has(report, "warning", "backups", "none of: ct/102"), str(report))
        site.stop("stewardd")
        site.stop("guard")
        code, report = doctor_of(site, *config)
        expect(code == 2 and has(report, "warning", "daemon", "systemctl enable --now stewardd") and has(report, "critical", "guard", "steward-guard"), str(report))
        expect(site.writes() == [], f"nothing was written: {site.writes()}")
        said = site.run("doctor", *config).stdout
        expect("critical  guard: " in said and said.endswith("\ncritical\n") and "\x1b" not in said, said)


def doctor_before_anything(binaries):
    """steward doctor without a configuration, a daemon, or anybody there; bad files, names, pins and token files."""
    with Site(binaries, speed=1) as site:
        code, bare = doctor_of(site, *site.way())
        expect(code in (1, 3) and has(bare, "unknown", "configuration", "config init") and has(bare, "ok", "quorum", "quorate"), str(bare))
        endpoint = site.ready["nodes"][0]["url"].removeprefix("https://")
        token = ["--token-file", site.ready["token_file"]]
        wrong = ["--fingerprint", ":".join(["11"] * 32)]
        code, report = doctor_of(site, "--endpoint", endpoint, *token, *wrong)
        expect(code == 2 and has(report, "critical", "endpoint", site.ready["nodes"][0]["fingerprint"]) and has(report, "unknown", "cluster", "let us in"), str(report))
        code, report = doctor_of(site, "--endpoint", "127.0.0.1:1", *token, *wrong)
        expect(code == 2 and has(report, "critical", "endpoint 127.0.0.1:1", "pveproxy"), str(report))
        code, report = doctor_of(site, "--endpoint", endpoint, "--endpoint", "127.0.0.1:1", *token, "--ca-file", site.ready["ca_file"])
        expect(has(report, "warning", "endpoint 127.0.0.1:1", "pveproxy"), str(report))
        open_token = site.directory / "open"
        open_token.write_text("a@pve!b=c")
        open_token.chmod(0o644)
        code, report = doctor_of(site, "--endpoint", endpoint, "--token-file", str(open_token), *wrong)
        expect(code == 2 and has(report, "critical", "credentials", "0600"), str(report))
        site.write_config(extra="mood: good\n")
        code, report = doctor_of(site, "--config", str(site.config))
        expect(code == 2 and has(report, "critical", "configuration", 'unknown key "mood"'), str(report))
        site.write_config(extra="nodes: {}\n")
        site.config.write_text(site.config.read_text().replace(f"  ca_file: {site.ready['ca_file']}", "  insecure: true") + "daemons: per-node\n")
        code, report = doctor_of(site, "--config", str(site.config))
        expect(has(report, "warning", "endpoint", 'fingerprint: "') and (has(report, "warning", "watchdog", "") or os.path.exists("/run/watchdog-mux.sock")), str(report))


def doctors_commands_help(binaries):
    """The pveum lines of the doctor, carried out one by one, give a token without any right all that it needs."""
    with Site(binaries, speed=1) as site:
        password = site.directory / "root"
        password.write_text("simulated")
        password.chmod(0o600)
        endpoint = site.ready["nodes"][0]["url"].removeprefix("https://")
        root = ["--endpoint", endpoint, "--ca-file", site.ready["ca_file"], "--user", "root@pam", "--password-file", str(password)]

        def api(*words):
            done = site.run("api", *words, *root, "-o", "json")
            expect(done.returncode == 0, f"{words}: {done.stderr}")
            return json.loads(done.stdout or "null")

        api("create", "/access/users", "userid=new@pve")
        made = api("create", "/access/users/new@pve/token/small", "privsep=1")
        token = site.directory / "new-token"
        token.write_text(f"new@pve!small={made['value']}")
        token.chmod(0o600)
        site.write_config()
        site.config.write_text(site.config.read_text().replace(site.ready["token_file"], str(token)))

        def carry_out(line):
            words = shlex.split(line.split("||")[0])
            if words[:3] == ["pveum", "role", "add"]:
                known = {r["roleid"] for r in api("get", "/access/roles")}
                if words[3] not in known:
                    api("create", "/access/roles", f"roleid={words[3]}", "privs=" + words[5].replace(" ", ","))
            else:
                expect(words[:3] == ["pveum", "acl", "modify"], line)
                given = dict(zip(words[4::2], words[5::2]))
                api("set", "/access/acl", f"path={words[3]}", f"users={given['--users']}", f"tokens={given['--tokens']}", f"roles={given['--roles']}")

        rounds = []
        for _ in range(4):
            _, report = doctor_of(site, "--config", str(site.config))
            lines = {line.strip() for f in report["findings"] for line in f["todo"].splitlines() if line.strip().startswith("pveum ")}
            rounds.append(len(lines))
            if not lines:
                break
            for line in sorted(lines, key=lambda line: "acl" in line):
                carry_out(line)
        expect(rounds[0] > 0 and rounds[-1] == 0, f"{rounds}: {json.dumps(report, indent=1)}")
        expect(has(report, "ok", "privileges", "all that 2 guest(s) need"), json.dumps(report, indent=1))


SECRETS = {"header": "hush-header-4d5e6f", "password": "hush-password-7a8b", "totp": "JBSWY3DPEHPK3PXP", "body": "hush-body-9c0d",
           "agent": "hush-agent-1f2e"}


def bundle_without_secrets(binaries):
    """steward support-bundle: all parts are in it, no secret is, and no file is written over."""
    with Site(binaries, speed=1) as site:
        secrets = {**SECRETS, "token": pathlib.Path(site.ready["token_file"]).read_text().strip().split("=", 1)[1]}
        for name, secret in SECRETS.items():
            (site.directory / name).write_text(secret + "\n")
            (site.directory / name).chmod(0o600)
        site.write_config(guests=("ct/101",), extra=f"""  ct/102:
    checks:
      - http: http://{site.addresses['ct/102']}/?key={SECRETS['body']}
        method: POST
        body: {SECRETS['body']}
        headers: {{Authorization: {{file: {site.directory}/header}}}}
nodes: {{n2: {{fence: {{command: [/bin/true, -p, {SECRETS['agent']}]}}}}}}
""")
        log = site.directory / "daemon.log"
        log.write_text("\n".join(f"a line with {s}, PVEAuthCookie=PVE:unknown-ticket; password=unheard" for s in secrets.values()))
        site.start_guard()
        site.start_daemon()
        site.fault("lock ct102 backup")
        ledger = site.directory / "state/ledger"
        ledger.mkdir(exist_ok=True)
        (ledger / "ledger-99999999.jsonl").write_text('{"kind":"decision","text":"' + SECRETS["header"] + '"}\n')
        made = site.directory / "out.tar.gz"

        def bundle(*words):
            return site.run("support-bundle", "-o", str(made), "--config", str(site.config), "--log", str(log), *words)

        done = bundle("--endpoint", "127.0.0.1:1", "--user", "a@pve", "--password-file", str(site.directory / "password"), "--totp-file", str(site.directory / "totp"))
        expect(done.returncode == 0, done.stderr)
        expect(made.stat().st_mode & 0o777 == 0o600, "nobody else reads it")
        with tarfile.open(made) as archive:
            files = {pathlib.PurePath(m.name).name: archive.extractfile(m).read().decode() for m in archive.getmembers()}
        for name in ("version.txt", "config-effective.yaml", "config-running.yaml", "config-problems.txt", "status.json", "status.txt", "journal.txt", "log.txt",
                     "ledger.jsonl", "doctor.txt", "doctor.json"):
            expect(files.get(name), f"{name} in {sorted(files)}")
        for kind, secret in {**secrets, "ticket": "unknown-ticket", "typed": "unheard"}.items():
            where = [name for name, text in files.items() if secret in text]
            expect(where == [], f"{kind} in {where}")
        expect("ct/102" in files["status.txt"] and "(redacted)" in files["log.txt"], files["log.txt"])
        before = made.read_bytes()
        again = bundle()
        expect(again.returncode == 1 and "is there already" in again.stderr and made.read_bytes() == before, again.stderr)
        site.stop("stewardd")
        made.unlink()
        alone = bundle()
        expect(alone.returncode == 0, alone.stderr)
        with tarfile.open(fileobj=io.BytesIO(made.read_bytes())) as archive:
            texts = [archive.extractfile(m).read().decode() for m in archive.getmembers()]
        expect(any("is stewardd running?" in t for t in texts), "it says that there is no daemon")


SCENARIOS = {f.__name__: f for f in (first_steps, running_configuration, doctor_explains, doctor_before_anything, doctors_commands_help, bundle_without_secrets)}


if __name__ == "__main__":
    sys.exit(play(SCENARIOS, __doc__))
