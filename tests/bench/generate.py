"""What generating the typed API costs: the generator's time, the compilation of everything that it makes with two jobs, a file
that uses one branch, and what a linked stewardd carries of it."""
import argparse
import pathlib
import re
import statistics
import subprocess
import tempfile
import time


def seconds(command, **more):
    began = time.monotonic()
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]}: {done.stdout}{done.stderr}")
    return time.monotonic() - began


def branches(source):
    text = (source / "lib/pve/api/CMakeLists.txt").read_text()
    return re.findall(r"^  ([a-z_]+=/\S*?)\)?$", text, re.M)


def example(source):
    return re.search(r"^```cpp file=\S+\n(.*?)^```", (source / "docs/api.md").read_text(), re.M | re.S).group(1)


def carried(program):
    """Symbols of the generated API in a linked program, and their bytes."""
    listed = subprocess.run(["nm", "-S", "-C", program], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=3) for line in listed.splitlines()]
    own = [r for r in rows if len(r) == 4 and "steward::pve::api::" in r[3]]
    entries = [r for r in own if "::entries::" in r[3]]
    return len(entries), sum(int(r[1], 16) for r in own)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="a finished release build")
    parser.add_argument("--stewardd", required=True)
    given = parser.parse_args()
    facts = given.source / "lib/pve/schema/pve.facts"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        made = [seconds([given.build / "tools/steward-pve-generate", facts, folder / "out", *branches(given.source)]) for _ in range(5)]
        print(f"generate everything                 {statistics.median(made):8.3f} s")
        uncached = {"CCACHE_DISABLE": "1", "PATH": "/usr/local/bin:/usr/bin:/bin"}
        seconds(["cmake", "-S", given.source, "-B", folder / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DBUILD_TESTING=OFF"],
                env=uncached)
        seconds(["cmake", "--build", folder / "build", "-j", "2", "--target", "steward_pve_generated", "steward_pve_schema"], env=uncached)
        whole = seconds(["cmake", "--build", folder / "build", "-j", "2", "--target", "steward_pve_api"], env=uncached)
        print(f"compile everything, 2 jobs          {whole:8.1f} s   limit 90: {'ok' if whole <= 90 else 'FAILED'}")
        (folder / "one.cpp").write_text(example(given.source))
        include = [f"-I{given.source}/lib", f"-I{given.build}/lib/pve/api/generated", "-DBOOST_ASIO_SEPARATE_COMPILATION"]
        for level in ("-O0", "-O2"):
            one = [seconds(["g++", "-std=c++20", level, *include, "-c", folder / "one.cpp", "-o", folder / "one.o"]) for _ in range(3)]
            print(f"a file that uses one branch, {level}    {min(one):8.1f} s   limit 3: {'ok' if min(one) <= 3 else 'FAILED'}")
    count, size = carried(given.stewardd)
    print(f"stewardd carries                    {count} calls, {size / 1024:.0f} KiB of the generated API")


if __name__ == "__main__":
    main()
