"""What `openssl s_client` and curl see of `steward simulate serve`: versions, certificate, refusals, the control socket.

usage: tls.py --bin DIR
"""
import argparse
import pathlib
import re
import subprocess

from site_under_test import Site, expect


def openssl(*words, stdin=""):
    return subprocess.run(["openssl", *words], input=stdin, capture_output=True, text=True, timeout=60, check=False)


class Port:
    """One node's port as s_client sees it."""

    def __init__(self, site, node):
        self.site = site
        self.where = site.ready["nodes"][node]["url"].removeprefix("https://")

    def connect(self, *options):
        return openssl("s_client", "-connect", self.where, "-CAfile", self.site.ready["ca_file"], *options)

    def certificate(self):
        shown = openssl("s_client", "-connect", self.where).stdout
        pem = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", shown, re.S).group(0)
        return openssl("x509", "-noout", "-text", "-fingerprint", "-sha256", "-nameopt", "oneline,-esc_msb", stdin=pem).stdout


def versions(port):
    for flag, shown in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
        done = port.connect(flag)
        expect(f"New, {shown}" in done.stdout and "Verify return code: 0 (ok)" in done.stdout, f"{shown} works:\n" + done.stdout)
    for flag in ("-tls1", "-tls1_1"):
        # Without the second word a cautious OpenSSL refuses on its own side, and proves nothing.
        done = port.connect(flag, "-cipher", "ALL:@SECLEVEL=0")
        expect(done.returncode != 0 and "Cipher is (NONE)" in done.stdout, f"{flag} is refused:\n" + done.stdout)
        expect("alert protocol version" in done.stderr, f"{flag} is refused by the server:\n" + done.stderr)
    done = openssl("s_client", "-connect", port.where, "-verify_return_error")
    expect(done.returncode != 0, "nobody trusts it without its CA")


def certificate(port, name):
    text = port.certificate()
    uuid = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    for what, pattern in (
            ("issuer", rf"Issuer: CN = Proxmox Virtual Environment, OU = {uuid}, O = PVE Cluster Manager CA\n"),
            ("subject", rf"Subject: OU = PVE Cluster Node, O = Proxmox Virtual Environment, CN = {name}\.\S+\n"),
            ("key", r"Public-Key: \(2048 bit\)"), ("algorithm", r"Public Key Algorithm: rsaEncryption"),
            ("signature", r"Signature Algorithm: sha256WithRSAEncryption"), ("serial number", r"Serial Number: \d+ \("),
            ("constraints", r"X509v3 Basic Constraints: ?\n\s+CA:FALSE"), ("usage", r"TLS Web Server Authentication"),
            ("names", rf"IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:localhost, .*DNS:{name}, DNS:{name}\.\S+\n"),
            ("own identifier", r"X509v3 Subject Key Identifier"), ("CA's identifier", r"X509v3 Authority Key Identifier")):
        expect(re.search(pattern, text), f"the certificate's {what} is as recorded:\n{text}")
    days = openssl("x509", "-noout", "-checkend", str(700 * 86400), stdin=openssl("s_client", "-connect", port.where).stdout)
    expect(days.returncode == 0, "it is valid for about two years")
    return re.search(r"Fingerprint=(\S+)", text).group(1)


def changes(site, ports):
    before = certificate(ports[1], "n2")
    other = certificate(ports[0], "n1")
    site.fault("tls n2 change")
    after = certificate(ports[1], "n2")
    expect(after != before, "a new certificate")
    expect(certificate(ports[0], "n1") == other, "on that node only")
    expect("Verify return code: 0 (ok)" in ports[1].connect().stdout, "from the same CA")
    site.fault("tls n2 expired")
    shown = ports[1].connect().stdout
    expect("certificate has expired" in shown, "one of the past:\n" + shown)
    site.fault("tls n2 change")
    expect("Verify return code: 0 (ok)" in ports[1].connect().stdout, "and one of today again")


def control(site):
    def curl(*words):
        done = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", "--unix-socket", str(site.directory / "fault.sock"), *words],
                              capture_output=True, text=True, timeout=60, check=False)
        body, _, code = done.stdout.rpartition("\n")
        return code, body.strip()
    expect(curl("-d", "guest ct101 crash", "http://sim/fault") == ("200", "ok"), "a fault by curl")
    code, body = curl("-d", "guest ct101 fly", "http://sim/fault")
    expect(code == "400" and 'cannot "fly"' in body, f"a wrong one is explained: {code} {body}")
    code, body = curl("http://sim/status")
    expect(code == "200" and '"guests"' in body, f"the state: {code} {body}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    with Site(parser.parse_args().bin) as site:
        ports = [Port(site, node) for node in range(3)]
        versions(ports[0])
        changes(site, ports)
        control(site)
    print("versions, certificate, changes and the control socket are as they should be")


if __name__ == "__main__":
    main()
