#include "core/fencing/corosync_config.hpp"

#include "base/key_lines.hpp"

#include <vector>

namespace steward::fencing {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

void take(membership& m, std::string_view section, std::string_view key, std::string_view value) {
    const auto number = parse_number(value);
    if (section == "quorum" && key == "two_node") m.is_two_node = value != "0";
    // votequorum(5): these let a part be quorate that is no majority of the nodes, and that is meant.
    const bool decides_too = key == "last_man_standing" || key == "auto_tie_breaker" || key == "expected_votes";
    if (section == "quorum" && decides_too && value != "0") m.counts_heads = false;
    if (section == "node" && key == "quorum_votes" && value != "1") m.counts_heads = false;
    if (section != "totem" || !number || *number > 3'600'000) return;
    if (key == "token") m.token = std::chrono::milliseconds(*number);
    if (key == "token_coefficient") m.coefficient = std::chrono::milliseconds(*number);
}

}  // namespace

membership parse_corosync(std::string_view text) {
    membership m;
    std::vector<std::string_view> sections;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.front() == '#') continue;
        if (line.back() == '{') {
            sections.push_back(trimmed(line.substr(0, line.size() - 1)));
            if (sections.size() == 2 && sections[0] == "nodelist" && sections[1] == "node") ++m.nodes;
            if (sections.size() == 2 && sections[0] == "quorum" && sections[1] == "device") m.has_qdevice = true;
            continue;
        }
        if (line == "}") {
            if (!sections.empty()) sections.pop_back();
            continue;
        }
        const auto colon = line.find(':');
        const bool is_node = sections.size() == 2 && sections[0] == "nodelist" && sections[1] == "node";
        if (colon == std::string_view::npos || (sections.size() != 1 && !is_node)) continue;
        take(m, sections.back(), trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    }
    return m;
}

std::optional<int> online_nodes(std::string_view members) {
    constexpr std::string_view key = "\"online\"";
    std::optional<int> online;
    for (auto at = members.find(key); at != std::string_view::npos; at = members.find(key)) {
        members.remove_prefix(at + key.size());
        const auto value = members.find_first_not_of(" \t:");
        if (value == std::string_view::npos) break;
        online = online.value_or(0) + (members[value] == '1' ? 1 : 0);
    }
    return online;
}

bool is_forced(const membership& configured, std::optional<int> online) {
    // A configuration that is not understood proves nothing.
    if (configured.nodes < 2 || !online) return false;
    if (!configured.counts_heads || configured.has_qdevice || configured.is_two_node) return false;
    return *online * 2 <= configured.nodes;
}

}  // namespace steward::fencing
