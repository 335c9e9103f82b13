#include "pve/schema/facts_text.hpp"
#include "pve/schema/tool/changes.hpp"
#include "pve/schema/tool/dump_reader.hpp"
#include "pve/schema/tool/merge.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <fstream>
#include <iostream>
#include <sstream>

using namespace steward;
using namespace steward::pve::schema;

namespace {

constexpr const char* help = R"(steward-pve-schema: PVE's API as facts in one text file, from the API dumps of its nodes

  import --version 8.4 FILE [--version 9.1 FILE …] [--evolution FILE] [-o OUT]
      Merges dumps of several releases. What differs between them gets since= and until=;
      evolution.json dates it where releases between the dumps are known.
  add --to FACTS [--last 9.2] --version 9.3 FILE [-o OUT]
      Adds a newer release to existing facts. --last: the newest release in them, if they do
      not speak of it themselves.
  diff [--version 8.4] FILE [--version 9.2] FILE
      What changed, for people. The same facts file may stand twice with two versions.
      Ends with 1 if anything changed.

FILE is a node's /usr/share/pve-docs/api-viewer/apidoc.js, a pve-X.Y.json, or for diff a facts
file. --version belongs to the FILE behind it. Without -o the facts go to standard output.
)";

fault usage(std::string detail) { return {errc::invalid, "steward-pve-schema", std::move(detail)}; }

class input {
  public:
    version number;
    std::string file;
};

class options {
  public:
    std::string command;
    std::vector<input> inputs;
    std::string evolution_file;
    std::string to;
    std::string out;
    version last;
};

result<options> read_options(const std::vector<std::string>& words) {
    options read;
    if (words.empty()) return usage("expected import, add or diff; --help says more");
    read.command = words.front();
    version next;
    for (std::size_t at = 1; at < words.size(); ++at) {
        const std::string& word = words[at];
        if (!word.starts_with('-')) {
            read.inputs.push_back({next, word});
            next = {};
            continue;
        }
        if (++at == words.size()) return usage(word + " needs a value");
        if (word == "--version" || word == "--last") {
            const auto number = parse_version(words[at]);
            if (!number) return number.error();
            (word == "--last" ? read.last : next) = *number;
        } else if (word == "--evolution") {
            read.evolution_file = words[at];
        } else if (word == "--to") {
            read.to = words[at];
        } else if (word == "-o") {
            read.out = words[at];
        } else {
            return usage("unknown option " + word);
        }
    }
    return read;
}

result<std::string> read_file(const std::string& name) {
    std::ifstream in(name, std::ios::binary);
    std::ostringstream text;
    if (!in || !(text << in.rdbuf())) return fault(errc::io, name, std::strerror(errno));
    return std::move(text).str();
}

result<void> write_out(const std::string& name, const std::string& text) {
    if (name.empty()) {
        std::cout << text << std::flush;
        if (!std::cout) return fault(errc::io, "standard output", std::strerror(errno));
        return {};
    }
    std::ofstream out(name, std::ios::binary | std::ios::trunc);
    if (!(out << text << std::flush)) return fault(errc::io, name, std::strerror(errno));
    return {};
}

fault in_file(const std::string& name, const fault& why) { return {why.code, name, why.text()}; }

/// Facts or a dump: facts begin with a path.
result<std::vector<method>> read_methods(const input& from) {
    const auto text = read_file(from.file);
    if (!text) return text.error();
    const bool is_facts = text->starts_with('/') && !text->starts_with("//") && !text->starts_with("/*");
    const auto methods = is_facts ? parse_facts(*text) : read_dump(*text);
    if (!methods) return in_file(from.file, methods.error());
    return is_facts ? facts_at(*methods, from.number) : *methods;
}

result<std::vector<release>> read_dumps(const options& given) {
    std::vector<release> dumps;
    if (given.inputs.empty()) return usage("expected --version X.Y FILE");
    for (const input& one : given.inputs) {
        if (!one.number.is_known()) return usage("which --version is " + one.file + "?");
        auto methods = read_methods(one);
        if (!methods) return methods.error();
        release& dump = dumps.emplace_back();
        dump.number = one.number;
        dump.methods = std::move(*methods);
    }
    return dumps;
}

result<void> import_dumps(const options& given) {
    auto dumps = read_dumps(given);
    if (!dumps) return dumps.error();
    evolution known;
    if (!given.evolution_file.empty()) {
        const auto text = read_file(given.evolution_file);
        if (!text) return text.error();
        auto read = evolution::read(*text);
        if (!read) return in_file(given.evolution_file, read.error());
        known = std::move(*read);
    }
    return write_out(given.out, print_facts(merge_releases(std::move(*dumps), known)));
}

result<void> add_dump(const options& given) {
    if (given.to.empty()) return usage("add --to which facts?");
    const auto text = read_file(given.to);
    if (!text) return text.error();
    auto facts = parse_facts(*text);
    if (!facts) return in_file(given.to, facts.error());
    const auto dumps = read_dumps(given);
    if (!dumps) return dumps.error();
    version last = given.last.is_known() ? given.last : newest_in(*facts);
    for (const release& next : *dumps) {
        if (next.number <= last) return usage(to_string(next.number) + " is not newer than " + to_string(last));
        add_release(*facts, last, next);
        last = next.number;
    }
    return write_out(given.out, print_facts(*facts));
}

result<bool> report_changes(const options& given) {
    if (given.inputs.size() != 2) return usage("diff compares two files");
    const auto before = read_methods(given.inputs.front());
    if (!before) return before.error();
    const auto after = read_methods(given.inputs.back());
    if (!after) return after.error();
    const std::string text = describe_changes(*before, *after);
    const auto written = write_out(given.out, text);
    if (!written) return written.error();
    return !text.empty();
}

int fail(const fault& why) {
    fmt::print(stderr, "{}\n", why.text());
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && (words.front() == "--help" || words.front() == "-h")) {
        fmt::print("{}", help);
        return 0;
    }
    const auto given = read_options(words);
    if (!given) return fail(given.error());
    if (given->command == "diff") {
        const auto is_changed = report_changes(*given);
        if (!is_changed) return fail(is_changed.error());
        return *is_changed ? 1 : 0;
    }
    if (given->command != "import" && given->command != "add") return fail(usage("no such command: " + given->command));
    const auto done = given->command == "import" ? import_dumps(*given) : add_dump(*given);
    return done ? 0 : fail(done.error());
}
