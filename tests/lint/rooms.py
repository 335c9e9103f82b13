"""A room includes only the rooms below it, and each heavy library has its owners (docs/architecture.md).

The table is the architecture; the build enforces the same through USES, which is checked against it here as well.
"""
import fnmatch
import pathlib
import re

import source

MAY_INCLUDE = {
    "base": set(),
    "config": {"base", "model"},
    "model": {"base"},
    "core": {"base", "model"},
    "render": {"base", "model"},
    "runtime": {"base"},
    "net": {"base", "runtime"},
    "cluster": {"base", "model", "runtime"},
    "guard": {"base", "core"},
    "observe": {"base", "runtime", "net"},
    "pve": {"base", "model", "runtime", "net"},
    "services": {"base", "config", "model", "core", "render", "runtime", "net", "cluster", "guard", "observe", "pve"},
    "api": {"base", "model", "net", "services", "runtime", "config"},
    "sim": {"base", "model", "core", "runtime", "net", "pve", "cluster", "services", "config"},
}

# library, what its includes look like, files that may have them. Everything that is not listed is free.
OWNERS = [
    ("Beast", r"boost/beast", ["lib/net/response_reader.cpp", "lib/net/gunzip.cpp", "lib/net/packing.cpp", "lib/net/beast.cpp"]),
    ("OpenSSL", r"openssl/|boost/asio/ssl", ["lib/net/*.cpp", "lib/net/tls.hpp", "tests/support/raw_client.cpp"]),
    ("OpenSSL", r"net/tls\.hpp", ["lib/net/*.cpp"]),
    ("yaml-cpp", r"yaml-cpp/", ["lib/config/*"]),
    ("c-ares", r"ares(_\w+)?\.h", ["lib/net/*"]),
    ("RE2", r"re2/", ["lib/base/pattern.cpp"]),
    ("spdlog", r"spdlog/", ["lib/runtime/*.cpp"]),
    ("Catch2", r"catch2/", ["tests/*"]),
]
NO_ASIO = {"base", "core", "config", "model", "render", "guard"}

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)
_USES = re.compile(r"\bUSES\b([^)]*?)(?=\b(?:SOURCES|PRIVATE_LIBS|PUBLIC_LIBS)\b|\))", re.S)


def room_of(path):
    parts = pathlib.PurePosixPath(path).parts
    return parts[1] if len(parts) > 2 and parts[0] == "lib" else None


def check_source(path, text):
    room = room_of(path)
    text = source.code_only(text, keep_strings=True)
    for match in _INCLUDE.finditer(text):
        quote, target = match.groups()
        where = f"{path}:{source.line_of(text, match.start())}"
        if room is not None and room not in MAY_INCLUDE:
            yield f"{where}: lib/{room} is not a known room"
            return
        first = target.split("/")[0]
        if room is not None and quote == '"':
            if first not in MAY_INCLUDE:
                yield f'{where}: "{target}" is not "room/file"; lib knows no daemon, no tests and no neighbours by name'
            elif first != room and first not in MAY_INCLUDE[room]:
                yield f"{where}: {room} may not include {first}"
        for library, pattern, owners in OWNERS:
            if re.match(pattern, target) and not any(fnmatch.fnmatch(str(path), owner) for owner in owners):
                yield f"{where}: {library} belongs to {', '.join(owners)}"
        if room in NO_ASIO and re.match(r"boost/asio", target):
            yield f"{where}: {room} does not know Asio"


def check_cmake(path, text):
    room = room_of(path)
    text = re.sub(r"#[^\n]*", "", text)
    for match in _USES.finditer(text):
        for used in match.group(1).split():
            # A room may be several libraries, "net" and "net_text": what counts is whose.
            owner = used.split("_")[0]
            if owner != room and owner not in MAY_INCLUDE.get(room, set()) or owner == used == room:
                yield f"{path}: {room} may not use {used}"


def check(root):
    for path in source.cpp_files(root, "lib", "daemon", "tests"):
        yield from check_source(path.as_posix(), source.read(root, path))
    for path in sorted(pathlib.Path(root).glob("lib/*/CMakeLists.txt")):
        relative = path.relative_to(root)
        yield from check_cmake(relative.as_posix(), source.read(root, relative))


def self_test():
    rows = [  # path, content, number of findings
        ("lib/core/health/a.cpp", '#include "core/health/a.hpp"\n#include "model/snapshot.hpp"\n', 0),
        ("lib/core/a.cpp", '#include "runtime/time_source.hpp"\n', 1),
        ("lib/core/a.cpp", '// #include "runtime/time_source.hpp"\n', 0),
        ("lib/pve/a.cpp", '#include "services/x.hpp"\n#include "daemon/x.hpp"\n#include "support/x.hpp"\n', 3),
        ("lib/config/a.hpp", "#include <boost/asio/awaitable.hpp>\n", 1),
        ("lib/config/a.cpp", "#include <yaml-cpp/yaml.h>\n", 0),
        ("lib/services/a.cpp", "#include <yaml-cpp/yaml.h>\n#include <ares.h>\n#include <openssl/sha.h>\n", 3),
        ("lib/net/response_reader.cpp", "#include <boost/beast/http/read.hpp>\n#include <boost/asio/ssl/stream.hpp>\n", 0),
        ("lib/net/tls.hpp", "#include <boost/asio/ssl/stream.hpp>\n", 0),
        ("lib/net/probe.hpp", '#include "net/tls.hpp"\n', 1),
        ("lib/net/http.hpp", "#include <boost/beast/http.hpp>\n#include <openssl/ssl.h>\n", 2),
        ("tests/unit/net/a.cpp", '#include "net/http.hpp"\n#include <boost/beast/core.hpp>\n', 1),
        ("daemon/stewardd/main.cpp", '#include "services/x.hpp"\n#include "base/ids.hpp"\n', 0),
        ("lib/attic/a.cpp", '#include "base/ids.hpp"\n', 1),
        ("lib/base/CMakeLists.txt", "steward_room(base SOURCES a.cpp USES runtime PUBLIC_LIBS fmt::fmt)", 1),
        ("lib/net/CMakeLists.txt", "steward_room(net SOURCES a.cpp\n  USES base runtime\n  PUBLIC_LIBS x)", 0),
        ("lib/net/CMakeLists.txt", "steward_room(net SOURCES a.cpp USES base pve)", 1),
    ]
    for path, text, wanted in rows:
        found = list((check_cmake if path.endswith(".txt") else check_source)(path, text))
        if len(found) != wanted:
            yield f"{path} {text!r}: wanted {wanted}, found {found}"


if __name__ == "__main__":
    source.finish("rooms", self_test, check)
