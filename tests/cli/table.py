"""What the table of commands gives: errors, help, manual pages, completion. Needs no cluster and no daemon."""
import argparse
import json
import os
import pathlib
import pty
import re
import select
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

NO_SOCKET = ["--socket", "/nonexistent/control.sock"]


class Failed(Exception):
    pass


def expect(holds, what):
    if not holds:
        raise Failed(what)


class Program:
    def __init__(self, binaries):
        self.path = str(pathlib.Path(binaries) / "steward")

    def __call__(self, *words, **more):
        return subprocess.run([self.path, *words], capture_output=True, text=True, timeout=20, check=False, **more)

    def commands(self):
        """All of them, as their manual pages are named."""
        with tempfile.TemporaryDirectory() as directory:
            done = self("man", "--into", directory)
            expect(done.returncode == 0, done.stderr)
            pages = {p.name: p.read_text() for p in pathlib.Path(directory).iterdir()}
        return pages


MISTAKES = [
    (["stauts"], "did you mean status?"),
    (["backup"], "backup takes one of list, create, restore, "),
    (["backup", "lst"], "did you mean list?"),
    (["failover", "ct/101", "--fource"], "did you mean --force?"),
    (["arm", "--to", "n1"], "it belongs to plan, failover"),
    (["plan"], "needs GUESTS: steward plan GUESTS"),
    (["fence-confirm", "n1", "n2"], 'takes no "n2"'),
    (["failover", "ct/101", "--force=1"], "--force takes no value"),
    (["failover", "ct/101", "--to"], "--to needs a value: --to NODE"),
    (["status", "-o", "xml"], "-o takes one of table, json, yaml"),
    (["backup", "create", "ct/1", "--mode", "stoop"], "did you mean stop?"),
    (["leaving", "tomorrow"], "one of shutdown, reboot, none"),

    (["status", "--watch=soon"], "--watch takes seconds"),
    (["man", "nothing"], 'no command "nothing"'),
    (["maintenance", "n2"], "node/NAME"),
    (["ledger", "101"], "try ct/101 or vm/200"),
    (["ledger", "--since", "yesterday"], "neither a time ago (2h) nor a date"),
    (["ledger", "--last", "0"], "between 1 and 10000"),
    (["ledger", "ct/101", "--verify"], "follows the whole chain"),
]


def mistakes_are_explained(steward):
    """Each mistake in a call is answered with what to do, on standard error, with exit code 2."""
    for words, why in MISTAKES:
        done = steward(*words)
        expect(done.returncode == 2 and why in done.stderr and not done.stdout, f"{words}: {done.returncode} {done.stderr}{done.stdout}")


def words_may_be_anywhere(steward):
    """Options before and after the words, with '=' or not, old words for a table; a lone -- ends the options."""
    for words in (["status", *NO_SOCKET], [*NO_SOCKET, "status"], ["--socket=/nonexistent/x", "status", "-o", "text"]):
        done = steward(*words)
        expect(done.returncode == 3 and "is stewardd running?" in done.stderr, f"{words}: {done.returncode} {done.stderr}")
    done = steward("man", "--", "--nothing")
    expect(done.returncode == 2 and 'no command "--nothing"' in done.stderr, done.stderr)


def help_is_complete(steward):
    """Every command has help with its options, and stands in the list of all."""
    everything = steward("--help").stdout
    for name, page in steward.commands().items():
        title = re.search(r"\.SH NAME\n(.*) \\- ", page).group(1).replace("\\-", "-")
        expect(name == title + ".1", f"{name} is called {title}")
        if name == "steward.1":
            continue
        options = {o.replace("\\-", "-") for o in re.findall(r"^\\fB(?:\\-o, )?(\\-\\-[^ \\]+(?:\\-[a-z]+)*)", page, re.M)}
        words = [w for w in everything.split("\n") if w.startswith("  ")]
        command = next(c for c in candidates(title) if any(re.match(rf"  {c}( |$)", w) for w in words))
        if command == "simulate":
            continue
        done = steward(*command.split(), "--help")
        expect(done.returncode == 0 and done.stdout.startswith("steward " + command), f"{command}: {done.stdout}{done.stderr}")
        for option in options:
            expect(option in done.stdout, f"{command} --help lacks {option}")
        completed = set(steward("__complete", *command.split(), "--").stdout.split())
        expect(completed == options | {"--help"}, f"{command}: completion has {completed ^ options}")


def candidates(title):
    """"steward-backup-create" is "backup create", "steward-check-config" "check-config"."""
    rest = title.removeprefix("steward-")
    yield rest.replace("-", " ", 1)
    yield rest


def manual_pages_are_sound(steward):
    """groff finds nothing wrong with any manual page."""
    if not shutil.which("groff"):
        print("skipped: there is no groff here")
        return
    everything = "\n".join(steward.commands().values())
    done = subprocess.run(["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-z"], input=everything, capture_output=True, text=True, timeout=60, check=False)
    expect(done.returncode == 0 and not done.stderr, done.stderr)
    expect(steward("man", "backup", "create").stdout == steward.commands()["steward-backup-create.1"], "man prints what it writes")


def completion_knows_the_table(steward):
    """Commands, their verbs, choices and options; nothing where nobody can know."""
    def completed(*words):
        done = steward("__complete", *words)
        expect(done.returncode == 0 and not done.stderr, f"{words}: {done.returncode} {done.stderr}")
        return done.stdout.split()

    expect(completed("fail") == ["failback", "failover"], "commands")
    expect(completed("backup", "") == ["create", "delete", "list", "prune", "restore", "verify"], "verbs")
    expect(completed("backup", "create", "--mode", "s") == ["snapshot", "stop", "suspend"], "choices")
    expect(completed("completion", "") == ["bash", "fish", "zsh"], "words with choices")
    expect(completed("failover", "--force", "--f") == [], "an option that is given already")
    expect("--endpoint" in completed("forecast", "--endpoint", "n1", "--"), "an option that may be repeated")
    expect(completed("why", *NO_SOCKET, "--config", "/nonexistent", "") in ([], ["@all"]), "no daemon, no configuration")
    for shell in ("bash", "zsh", "fish"):
        expect("__complete" in steward("completion", shell).stdout, shell)


def nothing_is_coloured_into_a_pipe(steward):
    """No escape sequence where no terminal is."""
    for words in (["--help"], ["status", "--help"], ["man"]):
        expect("\x1b" not in steward(*words).stdout, f"{words}")


class PlayedDaemon:
    """Answers every question with the same view, as stewardd would."""

    def __init__(self, view):
        self.directory = tempfile.TemporaryDirectory()
        self.path = self.directory.name + "/control.sock"
        self.server = socketserver.ThreadingUnixStreamServer(self.path, self.handler(view))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @staticmethod
    def handler(view):
        class Answer(socketserver.StreamRequestHandler):
            def handle(self):
                self.rfile.readline()
                self.wfile.write(json.dumps({"ok": True, "data": view}).encode() + b"\n")
        return Answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.directory.cleanup()


STATUS = {"mode": "armed", "severity": "critical", "cluster": {"name": "played", "quorate": False, "nodes": [{"node": "n1", "state": "online"}]},
          "guests": [{"guest": "ct/101", "name": "wäb", "node": "n1", "state": "held", "health": "down", "reason": "why"},
                     {"guest": "ct/102", "name": "db", "node": "n1", "state": "watching", "health": "up", "reason": ""}]}


def on_terminal(words, environment, enough):
    """What a command writes to a terminal, until `enough` says so or it ends."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(words, stdout=follower, stderr=follower, stdin=subprocess.DEVNULL, env=environment)
    os.close(follower)
    seen = b""
    end = time.monotonic() + 10
    while time.monotonic() < end and not enough(seen):
        if not select.select([leader], [], [], 0.1)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            more = os.read(leader, 65536)
        except OSError:
            break
        if not more:
            break
        seen += more
    process.kill()
    process.wait()
    os.close(leader)
    return seen.decode()


def a_terminal_is_another_matter(steward):
    """Colours on a terminal only, without a shift of the columns, and not with NO_COLOR; --watch clears only there; shapes agree."""
    with PlayedDaemon(STATUS) as daemon:
        call = [steward.path, "status", "--socket", daemon.path]
        plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
        coloured = on_terminal(call, {**plain, "TERM": "xterm"}, lambda seen: False)
        expect("\x1b[31mcritical\x1b[0m" in coloured and "\x1b[33mheld\x1b[0m" in coloured, repr(coloured))
        for environment in ({**plain, "TERM": "xterm", "NO_COLOR": "1"}, {**plain, "TERM": "dumb"}, plain):
            expect("\x1b" not in on_terminal(call, environment, lambda seen: False), str(environment.get("TERM")))
        piped = steward("status", "--socket", daemon.path)
        expect(piped.returncode == 2 and "\x1b" not in piped.stdout, piped.stdout)
        without = re.sub(r"\x1b\[[0-9]*m", "", coloured).replace("\r\n", "\n")
        expect(without == piped.stdout, f"columns:\n{without}\n{piped.stdout}")
        rows = [line for line in piped.stdout.splitlines() if line.startswith(("GUEST", "ct/10"))]
        expect(len({line.index(word) for line, word in zip(rows, ("STATE", "held", "watching"))}) == 1, "\n".join(rows))
        watched = on_terminal([*call, "--watch=1"], {**plain, "TERM": "xterm"}, lambda seen: seen.count(b"\x1b[2J") == 2)
        expect(watched.count("\x1b[2J") == 2, repr(watched))
        as_json = json.loads(steward("status", "--socket", daemon.path, "-o", "json").stdout)
        expect(as_json == STATUS, str(as_json))
        as_yaml = steward("status", "--socket", daemon.path, "-o", "yaml").stdout
        expect("severity: critical" in as_yaml and as_yaml != steward("status", "--socket", daemon.path, "-o", "json").stdout, as_yaml)


CHECKS = [mistakes_are_explained, words_may_be_anywhere, help_is_complete, manual_pages_are_sound, completion_knows_the_table,
          nothing_is_coloured_into_a_pipe, a_terminal_is_another_matter]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    given = parser.parse_args()
    steward = Program(given.bin)
    for check in CHECKS:
        try:
            check(steward)
        except Failed as failure:
            print(f"{check.__name__}: FAILED: {failure}")
            return 1
        print(f"{check.__name__}: {check.__doc__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
