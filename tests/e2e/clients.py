"""Other people's clients, and ours, through the same story against the simulated cluster: `clients.py --bin DIR CLIENT`.

CLIENT is proxmoxer (Debian's python3-proxmoxer), curl, or steward (`steward api`)."""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse

from site_under_test import Failed, Site, expect

TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"


class Refused(Exception):
    """The cluster said no: a status and its words."""

    def __init__(self, status, text, has_errors=True):
        super().__init__(f"{status} {text}")
        self.status = status
        self.text = text
        self.has_errors = has_errors


class Proxmoxer:
    """The client most Python programs use, with a ticket of root@pam."""

    def __init__(self, site, user="root@pam", password="simulated"):
        from proxmoxer import ProxmoxAPI
        from proxmoxer.backends.https import AuthenticationError
        from proxmoxer.core import ResourceException
        self.refused = ResourceException
        host = site.ready["nodes"][0]["url"].removeprefix("https://")
        try:
            self.api = ProxmoxAPI(host, user=user, password=password, verify_ssl=site.ready["ca_file"], timeout=30)
        except AuthenticationError as error:
            raise Refused(401, str(error)) from error

    def call(self, verb, path, /, **params):
        params = {key.replace("_", "-"): value for key, value in params.items()}
        try:
            return getattr(self.api(path), verb.lower())(**params)
        except self.refused as error:
            # proxmoxer 1.2 looks for the parameters' errors below `data`, which is null, and so loses them.
            raise Refused(error.status_code, f"{error.status_message} {error.content}", has_errors=False) from error


class Curl:
    """A shell script: ticket and CSRF token by hand, forms, the reason phrase from the status line."""

    def __init__(self, site, user="root@pam", password="simulated"):
        self.base = site.ready["nodes"][0]["url"] + "/api2/json"
        self.ca = site.ready["ca_file"]
        self.headers = []
        ticket = self.call("POST", "/access/ticket", username=user, password=password)
        self.headers = ["-H", "Cookie: PVEAuthCookie=" + urllib.parse.quote(ticket["ticket"], safe=""),
                        "-H", "CSRFPreventionToken: " + ticket["CSRFPreventionToken"]]

    def call(self, verb, path, /, **params):
        form = urllib.parse.urlencode({key.replace("_", "-"): value for key, value in params.items()})
        url = self.base + urllib.parse.quote(path, safe="/:!@%")
        body = []
        if form and verb in ("GET", "DELETE"):
            url += "?" + form
        elif verb in ("POST", "PUT"):
            body = ["--data", form]
        done = subprocess.run(["curl", "-sS", "-i", "--http1.1", "--cacert", self.ca, "-X", verb, *self.headers, *body, url],
                              capture_output=True, timeout=60, check=True)
        head, _, text = done.stdout.decode().partition("\r\n\r\n")
        _, status, reason = head.split("\r\n")[0].split(" ", 2)
        if status != "200":
            raise Refused(int(status), f"{reason} {text}")
        return json.loads(text)["data"]


class Ours:
    """`steward api`."""

    VERBS = {"GET": "get", "POST": "create", "PUT": "set", "DELETE": "delete"}

    def __init__(self, site, user="root@pam", password="simulated"):
        secret = site.directory / f"password-{user}-{password}"
        secret.write_text(password + "\n")
        secret.chmod(0o600)
        self.site = site
        self.options = ["--endpoint", site.ready["nodes"][0]["url"].removeprefix("https://"), "--ca-file", site.ready["ca_file"],
                        "--user", user, "--password-file", str(secret), "-o", "json", "--no-check"]
        self.call("GET", "/version")

    def call(self, verb, path, /, **params):
        words = [f"{key.replace('_', '-')}={value}" for key, value in params.items()]
        done = self.site.run("api", self.VERBS[verb], *self.options, path, *words)
        if done.returncode == 0:
            return json.loads(done.stdout) if done.stdout.strip() else None
        found = re.search(r"\b(4\d\d|5\d\d)\b", done.stderr)
        raise Refused(int(found.group(1)) if found else 0, done.stderr)


CLIENTS = {"proxmoxer": Proxmoxer, "curl": Curl, "steward": Ours}


def refused(status, words, call, *args, **params):
    """The call is refused with that status and those words."""
    try:
        call(*args, **params)
    except Refused as no:
        # Our client names the kind of refusal and not always its number.
        expect(no.status in (status, 0), f"{args} was refused with {no.status}, not {status}: {no.text}")
        if status == 400 and not no.has_errors:
            words = "Parameter verification failed."
        expect(words in no.text, f"{args} was refused with other words than \"{words}\": {no.text}")
        return
    raise Failed(f"{args} {params} was not refused")


def finished(client, upid):
    """The exit of a task, once it has ended."""
    expect(isinstance(upid, str) and upid.startswith("UPID:"), f"a task, not {upid!r}")
    node = upid.split(":")[1]
    end = time.monotonic() + 30
    while time.monotonic() < end:
        status = client.call("GET", f"/nodes/{node}/tasks/{upid}/status")
        if status["status"] == "stopped":
            return status["exitstatus"]
        time.sleep(0.1)
    raise Failed(f"{upid} did not end")


def done(client, upid):
    ended = finished(client, upid)
    expect(ended == "OK", f"{upid} ended with {ended}")


def log_in(site, kind, client):
    refused(401, "", kind, site, password="wrong")
    version = client.call("GET", "/version")
    expect(version["release"] == "8.4", f"the release is 8.4, not {version}")
    held = client.call("GET", "/access/permissions", path="/vms")
    expect(held["/vms"]["VM.PowerMgmt"] == 1, f"root may all: {held}")


def guest_lifecycle(client):
    taken = [row["vmid"] for row in client.call("GET", "/cluster/resources", type="vm")]
    vmid = int(client.call("GET", "/cluster/nextid"))
    expect(vmid not in taken, f"{vmid} is free")
    guest = f"/nodes/n1/lxc/{vmid}"
    done(client, client.call("POST", "/nodes/n1/lxc", vmid=vmid, ostemplate=TEMPLATE, rootfs="local-lvm:4", hostname="web",
                             memory=256, net0="name=eth0,bridge=vmbr0,ip=dhcp"))
    expect(client.call("GET", guest + "/status/current")["status"] == "stopped", "a new container is stopped")
    done(client, client.call("POST", guest + "/status/start"))
    expect(client.call("GET", guest + "/status/current")["status"] == "running", "it runs")
    refused(500, "already running", client.call, "POST", guest + "/status/start")
    client.call("PUT", guest + "/config", tags="b;A", description="made by a client")
    config = client.call("GET", guest + "/config")
    expect(config["tags"] == "a;b" and config["hostname"] == "web", f"the configuration is ours: {config}")
    refused(500, "detected modified configuration", client.call, "PUT", guest + "/config", memory=512, digest="0" * 40)
    done(client, client.call("POST", guest + "/snapshot", snapname="before"))
    names = [row["name"] for row in client.call("GET", guest + "/snapshot")]
    expect(set(names) == {"before", "current"}, f"its snapshots: {names}")
    done(client, client.call("DELETE", guest + "/snapshot/before"))
    done(client, client.call("POST", guest + "/status/shutdown", timeout=20))
    refused(500, "not running", client.call, "POST", guest + "/status/shutdown")
    return vmid


def backup_and_restore(client, vmid):
    done(client, client.call("POST", "/nodes/n1/vzdump", vmid=vmid, storage="backup", compress="zstd", mode="stop"))
    archives = client.call("GET", "/nodes/n2/storage/backup/content", content="backup", vmid=vmid)
    expect(len(archives) == 1 and archives[0]["subtype"] == "lxc", f"one archive, seen from another node: {archives}")
    volid = archives[0]["volid"]
    saved = client.call("GET", "/nodes/n2/vzdump/extractconfig", volume=volid)
    expect("hostname: web" in saved, f"its configuration: {saved}")
    refused(500, "already exists on node 'n1'", client.call, "POST", "/nodes/n2/lxc", vmid=vmid, ostemplate=volid, restore=1,
            storage="local-lvm")
    copy = int(client.call("GET", "/cluster/nextid"))
    done(client, client.call("POST", "/nodes/n2/lxc", vmid=copy, ostemplate=volid, restore=1, storage="local-lvm", unique=1))
    config = client.call("GET", f"/nodes/n2/lxc/{copy}/config")
    expect(config["hostname"] == "web" and f"vm-{copy}-disk" in config["rootfs"], f"the copy: {config}")
    done(client, client.call("DELETE", f"/nodes/n2/lxc/{copy}"))
    done(client, client.call("DELETE", f"/nodes/n1/lxc/{vmid}", purge=1))
    refused(500, "does not exist", client.call, "GET", f"/nodes/n1/lxc/{vmid}/config")
    done(client, client.call("DELETE", f"/nodes/n1/storage/backup/content/{volid}"))


def firewall(client):
    base = "/cluster/firewall"
    client.call("POST", base + "/ipset", name="clients", comment="who may")
    client.call("POST", base + "/ipset/clients", cidr="192.0.2.7/24")
    refused(400, "already exists", client.call, "POST", base + "/ipset/clients", cidr="192.0.2.0/24")
    members = client.call("GET", base + "/ipset/clients")
    expect([m["cidr"] for m in members] == ["192.0.2.0/24"], f"host bits are masked: {members}")
    client.call("POST", base + "/aliases", name="gate", cidr="192.0.2.1")
    refused(500, "no such alias", client.call, "POST", base + "/ipset/clients", cidr="nosuch")
    client.call("POST", base + "/rules", type="in", action="ACCEPT", source="+clients", dport="22", proto="tcp", enable=1)
    refused(400, "no such ipset", client.call, "POST", base + "/rules", type="in", action="ACCEPT", source="+nosuch")
    rules = client.call("GET", base + "/rules")
    expect(len(rules) == 1 and rules[0]["pos"] == 0, f"one rule: {rules}")
    refused(500, "is not empty", client.call, "DELETE", base + "/ipset/clients")
    client.call("DELETE", base + "/rules/0")
    client.call("DELETE", base + "/ipset/clients", force=1)
    client.call("DELETE", base + "/aliases/gate")
    expect(client.call("GET", base + "/ipset") == [], "nothing is left")


def errors(site, kind, client):
    refused(500, "does not exist", client.call, "GET", "/nodes/n1/lxc/999/config")
    refused(500, "hostname lookup 'n9' failed", client.call, "GET", "/nodes/n9/status")
    refused(400, "boolean", client.call, "POST", "/nodes/n1/vzdump", vmid=101, storage="backup", protected=2)
    refused(400, "not defined in schema", client.call, "GET", "/version", colour="red")
    refused(501, "not implemented", client.call, "GET", "/nosuch")
    client.call("POST", "/access/users", userid="guest@pve", password="a-password")
    stranger = kind(site, "guest@pve", "a-password")
    expect(stranger.call("GET", "/cluster/resources", type="vm") == [], "a user without privileges sees no guest")
    refused(403, "VM.PowerMgmt", stranger.call, "POST", "/nodes/n1/lxc/101/status/stop")
    client.call("DELETE", "/access/users/guest@pve")
    site.fault("power n3 off")
    refused(595, "No route to host", client.call, "GET", "/nodes/n3/status")
    site.fault("power n3 on")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("client", choices=CLIENTS)
    given = parser.parse_args()
    kind = CLIENTS[given.client]
    with Site(given.bin, speed=50) as site:
        client = kind(site)
        log_in(site, kind, client)
        vmid = guest_lifecycle(client)
        backup_and_restore(client, vmid)
        firewall(client)
        errors(site, kind, client)
    print(f"{given.client}: log-in, a guest's life, backup, restore, firewall, errors")


if __name__ == "__main__":
    # Debian's packages belong to Debian's interpreter, which need not be the first in PATH.
    if "proxmoxer" in sys.argv and sys.executable != "/usr/bin/python3":
        if subprocess.run([sys.executable, "-c", "import proxmoxer"], capture_output=True, check=False).returncode != 0:
            os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", str(pathlib.Path(__file__).resolve()), *sys.argv[1:]])
    main()
