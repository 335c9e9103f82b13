#include "arguments.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace steward::cli {
namespace {

constexpr std::array<std::string_view, 25> with_value{
    "socket",      "control",  "to",         "output",  "config",        "for",       "reason",
    "confirm",     "endpoint", "token-file", "user",    "password-file", "totp-file", "fingerprint",
    "ca-file",     "token",    "node-down",  "storage", "mode",          "notes",     "keep",
    "keep-within", "node",     "vmid",       "timeout"};
constexpr std::array<std::string_view, 2> repeated{"endpoint", "fingerprint"};
constexpr std::array<std::string_view, 12> flags{"force", "now",      "wait",    "issue", "help",      "version",
                                                 "trace", "no-check", "dry-run", "start", "protected", "cleanup"};

template <class List>
bool contains(const List& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

void set_option(arguments& of, const std::string& name, const std::string& value) {
    std::string& held = of.options[name];
    held = contains(repeated, name) && !held.empty() ? held + "," + value : value;
}

std::string without_dashes(const std::string& word) {
    if (word == "-o") return "output";
    return word.starts_with("--") ? word.substr(2) : std::string();
}

}  // namespace

std::string arguments::option(const std::string& name, const std::string& otherwise) const {
    const auto it = options.find(name);
    return it == options.end() ? otherwise : it->second;
}

arguments read_arguments(const std::vector<std::string>& raw) {
    arguments out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        std::string word = raw[i];
        if (word == "-o") word = "--output";
        if (word == "-h") word = "--help";
        if (!word.starts_with("--")) {
            out.words.push_back(word);
            continue;
        }
        const auto equal = word.find('=');
        const std::string name = word.substr(2, equal == std::string::npos ? equal : equal - 2);
        if (contains(flags, name) && equal == std::string::npos) {
            out.options[name] = "yes";
        } else if (contains(with_value, name) && equal != std::string::npos) {
            set_option(out, name, word.substr(equal + 1));
        } else if (contains(with_value, name) && i + 1 < raw.size()) {
            set_option(out, name, raw[++i]);
        } else {
            out.problem = contains(with_value, name) ? "--" + name + " needs a value" : "unknown option " + word;
        }
    }
    return out;
}

unfinished_arguments read_unfinished(std::vector<std::string> raw) {
    unfinished_arguments out;
    if (raw.empty()) return out;
    out.partial = std::move(raw.back());
    raw.pop_back();
    if (!raw.empty() && contains(with_value, without_dashes(raw.back()))) {
        out.option = without_dashes(raw.back());
        raw.pop_back();
    }
    out.before = read_arguments(raw);
    return out;
}

}  // namespace steward::cli
