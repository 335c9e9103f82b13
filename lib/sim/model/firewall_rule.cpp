#include "sim/model/firewall_rule.hpp"

#include "sim/model/firewall_text.hpp"

#include <algorithm>
#include <array>

namespace steward::sim {

namespace {

/// "-source 10.0.0.0/8": the option in the file and the part of the rule, in the order in which PVE writes them.
class option_word {
  public:
    const char* option;
    const char* part;
};
constexpr std::array<option_word, 7> option_words = {{{"-source", "source"},
                                                      {"-dest", "dest"},
                                                      {"-p", "proto"},
                                                      {"-dport", "dport"},
                                                      {"-sport", "sport"},
                                                      {"-log", "log"},
                                                      {"-icmp-type", "icmp-type"}}};

std::string_view take_word(std::string_view& line) {
    const std::string_view word = line.substr(0, line.find_first_of(" \t"));
    line = trimmed(line.substr(word.size()));
    return word;
}

/// Both "-source" and "--source"; the protocol may be spelt out.
const char* part_of(std::string_view option) {
    if (option == "--proto" || option == "-proto") return "proto";
    if (option.starts_with("--")) option.remove_prefix(1);
    for (const option_word& w : option_words)
        if (option == w.option) return w.part;
    return nullptr;
}

bool is_log_level(std::string_view word) {
    constexpr std::string_view levels[] = {"emerg",  "alert", "crit",  "err",  "warning",
                                           "notice", "info",  "debug", "nolog"};
    return std::find(std::begin(levels), std::end(levels), word) != std::end(levels);
}

bool is_verdict(std::string_view word) { return word == "ACCEPT" || word == "DROP" || word == "REJECT"; }

/// "SSH(ACCEPT)" → macro and action.
void split_macro(firewall_rule& rule, const std::string& word) {
    const std::size_t open = word.find_last_of('(');
    if (open == std::string::npos || open == 0 || word.back() != ')') return;
    const std::string verdict = word.substr(open + 1, word.size() - open - 2);
    if (!is_verdict(verdict)) return;
    rule.values["macro"] = word.substr(0, open);
    rule.values["action"] = verdict;
}

}  // namespace

std::string firewall_rule::get(const std::string& part) const {
    const auto found = values.find(part);
    return found == values.end() ? std::string() : found->second;
}

std::string firewall_rule::text(bool with_interface) const {
    std::string out = get("enable") == "0" ? "|" : "";
    std::string type = get("type");
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    out += type + " ";
    const std::string macro = get("macro");
    out += macro.empty() ? get("action") : macro + "(" + get("action") + ")";
    if (const std::string on = get("iface"); with_interface && is_perl_true(on)) out += " -i " + on;
    if (get("type") != "group")
        for (const option_word& w : option_words)
            if (const std::string value = get(w.part); is_perl_true(value))
                out.append(" ").append(w.option).append(" ").append(value);
    if (const std::string comment = get("comment"); is_perl_true(comment) && !trimmed(comment).empty())
        out += " # " + comment;
    return out;
}

std::optional<firewall_rule> firewall_rule::parse(std::string_view line) {
    firewall_rule rule;
    auto [what, comment] = split_comment(line);
    if (line.find('#') != std::string_view::npos) rule.values["comment"] = std::move(comment);
    const bool is_disabled = !what.empty() && what.front() == '|';
    if (is_disabled) what.remove_prefix(1);
    rule.values["enable"] = is_disabled ? "0" : "1";
    rule.values["type"] = lower(take_word(what));
    const std::string action(take_word(what));
    if (action.empty()) return std::nullopt;
    rule.values["action"] = action;
    const std::string type = rule.get("type");
    if (type == "in" || type == "out" || type == "forward") split_macro(rule, action);
    while (!what.empty()) {
        const std::string_view option = take_word(what);
        const char* part = option == "-i" ? "iface" : type == "group" ? nullptr : part_of(option);
        const std::string value(take_word(what));
        if (part == nullptr || value.empty()) return std::nullopt;
        if (std::string_view(part) == "log" && !is_log_level(value)) return std::nullopt;
        rule.values[part] = value;
    }
    return rule;
}

}  // namespace steward::sim
