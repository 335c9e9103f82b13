"""`steward probe` against other people's servers: nginx with a private CA, unbound, and sockets that misbehave.
`probes.py --bin DIR`; ends with 77 where nginx, unbound or openssl is missing."""
import argparse
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

SKIPPED = 77
WAIT = 20.0


class Failed(Exception):
    pass


def needed():
    """Programs by name; those below /usr/sbin are not in everybody's PATH."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return {name: shutil.which(name, path=path) for name in ("nginx", "unbound", "openssl")}


def run(*command, cwd=None):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, process, log):
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Failed(f"{process.args[0]} ended: {log.read_text(errors='replace')}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise Failed(f"nothing listens on port {port}")


class Certificates:
    """A private CA and what it signed, one of it expired, by openssl's own tools."""

    def __init__(self, openssl, folder):
        self.openssl, self.folder = openssl, folder
        (folder / "index.txt").write_text("")
        (folder / "serial").write_text("01\n")
        (folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=own\n[own]\ndir=.\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ncertificate=ca.pem\n"
            "private_key=ca.key\ndefault_md=sha256\npolicy=any\nunique_subject=no\ncopy_extensions=copy\n[any]\ncommonName=supplied\n")
        run(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-subj", "/CN=private CA", "-days", "30", cwd=folder)

    def make(self, name, start, end, subject="web.example"):
        run(self.openssl, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={subject}",
            "-addext", f"subjectAltName=DNS:{subject}", cwd=self.folder)
        run(self.openssl, "ca", "-batch", "-config", "ca.cnf", "-in", f"{name}.csr", "-out", f"{name}.pem", "-notext",
            "-startdate", start, "-enddate", end, cwd=self.folder)
        (self.folder / f"{name}.key").chmod(0o600)


def day(offset):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + offset * 86400))


def nginx_config(folder, ports):
    tls = lambda name: f"ssl_certificate {folder}/{name}.pem; ssl_certificate_key {folder}/{name}.key;"
    return f"""
pid {folder}/nginx.pid; error_log stderr; daemon off; worker_processes 1; events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{ports['http']}; listen [::1]:{ports['http']};
        location /health {{ default_type application/json; return 200 '{{"db": {{"state": "up", "lag": 0}}}}'; }}
        location /old {{ return 301 /health; }}
        location /secure {{ return 301 https://127.0.0.1:{ports['good']}/health; }}
        location /away {{ return 302 http://elsewhere.example/; }}
        location /broken {{ return 503; }}
        location /private {{ if ($http_authorization != "Bearer s3cret") {{ return 401; }} return 200 ok; }}
    }}
    server {{ listen 127.0.0.1:{ports['good']} ssl; server_name web.example; {tls('good')} location / {{ return 200 ok; }} }}
    server {{ listen 127.0.0.1:{ports['expired']} ssl; {tls('expired')} location / {{ return 200 ok; }} }}
    server {{
        listen 127.0.0.1:{ports['mutual']} ssl; {tls('good')}
        ssl_client_certificate {folder}/ca.pem; ssl_verify_client on; location / {{ return 200 $ssl_client_s_dn; }}
    }}
}}
"""


def unbound_config(folder, port):
    return f"""
server:
    interface: 127.0.0.1@{port}
    interface: ::1@{port}
    do-daemonize: no
    use-syslog: no
    logfile: ""
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    num-threads: 1
    access-control: 127.0.0.0/8 allow
    access-control: ::1/128 allow
    local-zone: "example." static
    local-data: "web.example. A 192.0.2.80"
    local-data: "web.example. A 192.0.2.81"
    local-data: "web.example. AAAA 2001:db8::80"
    local-data: "example. MX 10 mail.example."
    local-data: 'txt.example. TXT "hello there"'
    local-zone: "refused.test." refuse
remote-control:
    control-enable: no
"""


def rude_server(keeps_silent):
    """Accepts, reads a little, and then resets or says nothing more."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        held = []
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            if keeps_silent:
                held.append(peer)
                continue
            peer.recv(1)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener


def checks_of(ports, folder):
    """Each check with what it comes to: verdict, part of the reason, part of the warning."""
    web = f"http://127.0.0.1:{ports['http']}"
    good = f"https://127.0.0.1:{ports['good']}/"
    trust = {"ca_file": f"{folder}/ca.pem", "sni": "web.example"}
    own = {"client_certificate": f"{folder}/own.pem", "client_key": f"{folder}/own.key"}
    dns = f"127.0.0.1:{ports['dns']}"
    return [
        ({"http": f"{web}/health", "json": {"pointer": "/db/state", "equals": "up"}}, "healthy", "status 200", ""),
        ({"http": f"http://[::1]:{ports['http']}/health", "body_regex": '"lag": [0-9]+'}, "healthy", "status 200", ""),
        ({"http": f"{web}/health", "body_contains": "down"}, "unhealthy", 'body without "down"', ""),
        ({"http": f"{web}/broken"}, "unhealthy", "status 503", ""),
        ({"http": f"{web}/broken", "status": "200-299,503"}, "healthy", "status 503", ""),
        ({"http": f"{web}/private", "status": 200, "headers": {"Authorization": {"file": f"{folder}/bearer"}}},
         "healthy", "status 200", ""),
        ({"http": f"{web}/private", "status": 200}, "unhealthy", "status 401", ""),
        ({"http": f"{web}/health", "method": "HEAD"}, "healthy", "status 200", ""),
        ({"http": f"{web}/health", "method": "POST", "body": "x=1"}, "healthy", "status 200", ""),
        ({"http": f"{web}/old", "redirects": "same-host", "status": 200}, "healthy", "after 1 redirect(s)", ""),
        ({"http": f"{web}/away", "redirects": "same-host", "status": 200}, "unhealthy", "is to another host", ""),
        ({"http": good, **trust}, "healthy", "status 200", ""),
        ({"http": good, **trust, "certificate_expiry": "14d"}, "healthy", "status 200", "certificate expires in 6 days"),
        ({"http": good, **trust, "sni": "mail.example"}, "unhealthy", "does not carry that name", ""),
        ({"http": good}, "unhealthy", "is not trusted", ""),
        ({"http": f"https://127.0.0.1:{ports['expired']}/", **trust}, "healthy", "status 200", "certificate expired 2 days ago"),
        ({"http": f"https://127.0.0.1:{ports['mutual']}/", **trust, **own, "body_contains": "steward"}, "healthy", "status 200", ""),
        ({"http": f"https://127.0.0.1:{ports['mutual']}/", **trust}, "unhealthy", "status 400", ""),
        ({"http": f"http://127.0.0.1:{ports['good']}/"}, "unhealthy", "status 400", ""),
        ({"http": f"http://127.0.0.1:{ports['reset']}/"}, "unhealthy", "", ""),
        ({"http": f"http://127.0.0.1:{ports['slow']}/", "timeout": "200ms"}, "unhealthy", "no answer within 200ms", ""),
        ({"http": f"https://127.0.0.1:{ports['slow']}/", "timeout": "200ms"}, "unhealthy", "no answer within 200ms", ""),
        ({"tcp": f"127.0.0.1:{ports['http']}", "send": r"GET /health HTTP/1.0\r\n\r\n", "expect": r"/^HTTP\/1\.1 200/"},
         "healthy", "answered", ""),
        ({"tcp": f"127.0.0.1:{ports['reset']}", "send": "x", "expect": "y"}, "unhealthy", 'before "y" came', ""),
        ({"dns": dns, "query": "web.example", "answer": "192.0.2.81"}, "healthy", "192.0.2.81", ""),
        ({"dns": f"[::1]:{ports['dns']}", "query": "web.example", "type": "AAAA"}, "healthy", "2001:db8::80", ""),
        ({"dns": dns, "query": "example", "type": "MX", "answer": "10 mail.example"}, "healthy", "10 mail.example", ""),
        ({"dns": dns, "query": "txt.example", "type": "TXT", "answer": "/hello/"}, "healthy", "hello there", ""),
        ({"dns": dns, "query": "gone.example", "rcode": "NXDOMAIN"}, "healthy", "NXDOMAIN", ""),
        ({"dns": dns, "query": "gone.example"}, "unhealthy", "NXDOMAIN, wanted NOERROR", ""),
        ({"dns": dns, "query": "x.refused.test", "rcode": "REFUSED"}, "healthy", "REFUSED", ""),
        ({"dns": f"127.0.0.1:{ports['nothing']}", "query": "web.example"}, "unhealthy", "connection refused", ""),
        ({"exec": ["/bin/sh", "-c", "echo disk nearly full; exit 1"]}, "healthy", "disk nearly full", "disk nearly full"),
        ({"exec": ["/bin/sh", "-c", "exit 3"]}, "unknown", "exit status 3", ""),
    ]


def probe(steward, *words):
    done = subprocess.run([steward, "probe", *words], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def compare(steward, folder, table):
    config = {"cluster": {"endpoint": "https://192.0.2.11", "token_file": f"{folder}/token"},
              "guests": {"ct/101": {"checks": [
                  {"timeout": "10s", **check, "name": f"{i}"} for i, (check, *_) in enumerate(table)]}}}
    path = folder / "steward.yaml"
    path.write_text(json.dumps(config))
    code, out, err = probe(steward, "ct/101", "--config", str(path), "-o", "json", "--debug")
    if code != 2:
        raise Failed(f"exit status {code}, wanted 2: {err}{out}")
    wrong = []
    for (check, verdict, reason, warning), got in zip(table, json.loads(out), strict=True):
        is_right = got["verdict"] == verdict and reason in got["reason"] and (warning in got["warning"] if warning else not got["warning"])
        if not is_right:
            wrong.append(f"{check}: {got}\n  wanted {verdict}, {reason!r}, warning {warning!r}")
    if wrong:
        raise Failed("\n".join(wrong))
    if "s3cret" in out + err:
        raise Failed("a secret was told")
    return len(table)


def by_hand(steward, ports, folder):
    """What a person types, and the exit status that scripts see."""
    config = ["--config", str(folder / "steward.yaml")]
    rows = [
        ([f"http://127.0.0.1:{ports['http']}/health", "--debug"], 0, ["healthy", "status 200", "connect", "first bytes"]),
        ([f"127.0.0.1:{ports['http']}", "-o", "yaml"], 0, ["verdict: healthy"]),
        ([f"127.0.0.1:{ports['nothing']}"], 2, ["unhealthy", "connection refused"]),
        (["http://169.254.169.254/latest/meta-data"], 3, ["unknown", "probes.allow"]),
        (["192.0.2.11:8006"], 3, ["unknown", "the cluster's API"]),
        (["ct/101", "11"], 0, ["healthy"]),
        (["ct/101", "no-such-check"], 3, ["has no check"]),
        (["ct/102"], 3, ["ct/102 is not in the configuration file"]),
        (["http://"], 3, ["is not a URL"]),
        ([], 3, ["probe needs TARGET"]),
        (["ct/101", "11", "12"], 3, ['takes no "12"']),
    ]
    for words, wanted, parts in rows:
        code, out, err = probe(steward, *words, *config)
        if code != wanted or not all(p in out + err for p in parts):
            raise Failed(f"steward probe {' '.join(words)}: exit status {code}, wanted {wanted}:\n{out}{err}")
    return len(rows)


def serve(programs, folder, ports, started):
    certificates = Certificates(programs["openssl"], folder)
    certificates.make("good", day(-1), day(6.5))
    certificates.make("expired", day(-9), day(-2.5))
    certificates.make("own", day(-1), day(6.5), "steward")
    for name, text in (("bearer", "Bearer s3cret\n"), ("token", "x")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    (folder / "nginx.conf").write_text(nginx_config(folder, ports))
    (folder / "unbound.conf").write_text(unbound_config(folder, ports["dns"]))
    for command, port in (([programs["nginx"], "-p", str(folder), "-c", str(folder / "nginx.conf")], ports["http"]),
                          ([programs["unbound"], "-d", "-c", str(folder / "unbound.conf")], ports["dns"])):
        log = folder / f"{pathlib.Path(command[0]).name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
        started.append(process)
        wait_for(port, process, log)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    steward = str(parser.parse_args().bin.resolve() / "steward")
    programs = needed()
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed (apt install nginx-light unbound openssl)")
        return SKIPPED
    started = []
    reset, slow = rude_server(False), rude_server(True)
    with tempfile.TemporaryDirectory(prefix="steward-probes-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)  # nginx's workers are somebody else
        ports = {key: free_port() for key in ("http", "good", "expired", "mutual", "dns", "nothing")}
        ports["reset"], ports["slow"] = reset.getsockname()[1], slow.getsockname()[1]
        try:
            serve(programs, folder, ports, started)
            count = compare(steward, folder, checks_of(ports, folder))
            calls = by_hand(steward, ports, folder)
        except Failed as why:
            print(f"FAILED: {why}")
            return 1
        finally:
            reset.close()
            slow.close()
            for process in started:
                process.terminate()
            for process in started:
                process.wait(timeout=WAIT)
    print(f"{count} checks and {calls} calls came to what they should")
    return 0


if __name__ == "__main__":
    sys.exit(main())
