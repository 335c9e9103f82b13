"""Clocks, waiting and chance come only through lib/runtime; no task is detached; nobody sends PVE's `force`.

Everything in virtual time rests on the first rule (docs/architecture.md, seams). `force` makes PVE destroy the old
volumes before a restore unpacks anything. `// seams-lint: why` on the line is a waiver.
"""
import fnmatch
import re

import source

_WAIVER = re.compile(r"//\s*seams-lint:\s*\S")
RUNTIME = ["lib/runtime/*"]

# name, pattern, where it is allowed, where it is looked for, whether text inside quotes counts
RULES = [
    ("a clock is read", r"\b(?:steady_clock|system_clock|high_resolution_clock|utc_clock)\s*::\s*now\b|\bclock_gettime\b"
     r"|\bgettimeofday\b|\btime\s*\(\s*(?:nullptr|NULL|0)\s*\)", RUNTIME, ["*"], False),
    ("a thread sleeps", r"\bthis_thread\s*::\s*sleep|\bu?sleep\s*\(\s*\d|\b(?:usleep|nanosleep)\s*\(", RUNTIME, ["*"], False),
    ("chance without a seed", r"\brandom_device\b|(?<![\w.>])s?rand\s*\(|\bgetrandom\s*\(|\barc4random\w*\s*\(|\bRAND_bytes\b",
     RUNTIME, ["*"], False),
    ("a timer expires for real", r"\bexpires_(?:at|after|from_now)\s*\(|\b(?:system|high_resolution|deadline)_timer\b"
     r"|\bsteady_timer\s*>?\s*\w*\s*[({](?![^;]*\bmax\s*\(\s*\))(?=[^;)}])", RUNTIME, ["*"], False),
    ("a task is detached", r"\bdetached\b", [], ["*"], False),
    ("PVE's force is sent", r'[{(]\s*"force"\s*,|"force=|&force=', [], ["lib/pve/*", "lib/services/*", "lib/core/*"], True),
]


def _matches(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def check_text(path, text):
    path = str(path)
    lines = text.split("\n")
    with_strings = source.code_only(text, keep_strings=True)
    without = source.code_only(text)
    for name, pattern, allowed, looked_for, quotes in RULES:
        if _matches(path, allowed) or not _matches(path, looked_for):
            continue
        code = with_strings if quotes else without
        for match in re.finditer(pattern, code):
            line = source.line_of(code, match.start())
            if not _WAIVER.search(lines[line - 1]):
                yield f"{path}:{line}: {name}: {match.group(0).strip()}"


def check(root):
    for path in source.cpp_files(root, "lib", "daemon", "tests"):
        yield from check_text(path.as_posix(), source.read(root, path))


def self_test():
    parked = "asio::steady_timer parked(ex, asio::steady_timer::time_point::max());"
    rows = [
        ("lib/services/a.cpp", "auto t = std::chrono::steady_clock::now();", 1),
        ("lib/services/a.cpp", "auto t = time.now(); // not steady_clock::now", 0),
        ("lib/base/time.hpp", "using time_point = std::chrono::time_point<std::chrono::steady_clock, duration>;", 0),
        ("lib/runtime/time_source.cpp", "return std::chrono::steady_clock::now();", 0),
        ("lib/base/a.cpp", "auto s = ::time(nullptr); auto u = std::chrono::system_clock :: now();", 2),
        ("tests/unit/net/a.cpp", "std::this_thread::sleep_for(1s);", 1),
        ("lib/net/a.cpp", "::usleep(10); sleep(1); co_await time.sleep_for(x);", 2),
        ("lib/core/a.cpp", "std::random_device seed; int x = rand(); int y = g.rand();", 2),
        ("lib/base/random.hpp", "std::mt19937_64 engine_; class random_source {}; operand(3);", 0),
        ("lib/net/a.cpp", "asio::steady_timer t(ex, 5s);", 1),
        ("lib/net/a.cpp", "asio::steady_timer t(ex); t.expires_after(5s);", 2),
        ("lib/net/a.cpp", parked, 0),
        ("lib/net/a.cpp", parked.replace("steady_timer parked(ex", "steady_timer parked{\n  ex"), 0),
        ("lib/net/a.hpp", "boost::asio::steady_timer parked_;\n#include <boost/asio/steady_timer.hpp>\n", 0),
        ("lib/net/a.cpp", "auto t = std::make_shared<asio::steady_timer>(ex, 5s);", 1),
        ("lib/net/a.cpp", "auto t = std::make_shared<asio::steady_timer>(ex, asio::steady_timer::time_point::max());", 0),
        ("lib/runtime/task_group.cpp", "co_spawn(ex, f(), asio::detached);", 1),
        ("lib/services/a.cpp", 'call.params = {{"force", "1"}};', 1),
        ("lib/pve/a.cpp", 'params.emplace_back("force", "1"); body = "vmid=1&force=1";', 2),
        ("lib/pve/a.cpp", 'params.emplace_back("forceStop", "1"); // never {"force", 1}', 0),
        ("lib/sim/a.cpp", 'parameters p{{"force", "1"}};', 0),
        ("lib/services/a.cpp", 'o = {{"force", true}};  // seams-lint: our own control request, not PVE', 0),
    ]
    for path, text, wanted in rows:
        found = list(check_text(path, text))
        if len(found) != wanted:
            yield f"{path} {text!r}: wanted {wanted}, found {found}"


if __name__ == "__main__":
    source.finish("seams", self_test, check)
