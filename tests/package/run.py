"""Compiles the examples of docs/api.md against an installed steward-pve, and runs the first one on a simulated cluster."""
import argparse
import hashlib
import pathlib
import re
import shutil
import ssl
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from site_under_test import Site  # noqa: E402

EXAMPLE = re.compile(r"^```cpp file=(\S+)\n(.*?)^```", re.M | re.S)


def examples(page):
    found = EXAMPLE.findall(page.read_text(encoding="utf-8"))
    if not found:
        raise SystemExit(f"{page}: no example was found; are they still marked with file=NAME?")
    return found


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def write_project(folder, found):
    lines = ["cmake_minimum_required(VERSION 3.25)", "project(stranger CXX)", "find_package(steward-pve REQUIRED)"]
    for name, text in found:
        (folder / name).write_text(text, encoding="utf-8")
        program = pathlib.Path(name).stem
        lines += [f"add_executable({program} {name})", f"target_link_libraries({program} PRIVATE steward::pve)"]
    (folder / "CMakeLists.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def fingerprint(host, port):
    certificate = ssl.get_server_certificate((host, port))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest().upper()
    return ":".join(digest[i:i + 2] for i in range(0, len(digest), 2))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--compiler", required=True)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="steward-package-"))
    try:
        run("cmake", "--install", options.build, "--component", "steward-pve", "--prefix", folder / "prefix")
        project = folder / "project"
        project.mkdir()
        found = examples(options.source / "docs" / "api.md")
        write_project(project, found)
        run("cmake", "-S", project, "-B", folder / "out", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={folder / 'prefix'}",
            f"-DCMAKE_CXX_COMPILER={options.compiler}", "-DCMAKE_CXX_FLAGS=-O0")
        run("cmake", "--build", folder / "out", "-j", "2")
        with Site(options.build / "bin") as site:
            node = site.ready["nodes"][0]["url"].removeprefix("https://").rstrip("/")
            host, port = node.rsplit(":", 1)
            listed = run(folder / "out" / pathlib.Path(found[0][0]).stem, node, site.ready["token_file"],
                         fingerprint(host, int(port)), timeout=60)
        for vmid in ("101", "102", "103"):
            if not re.search(rf"^{vmid} ", listed, re.M):
                raise SystemExit(f"guest {vmid} is not in the list:\n{listed}")
        print(f"{len(found)} examples compiled; the first one listed:\n{listed}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
