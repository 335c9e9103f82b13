#include "command.hpp"

#include <algorithm>

namespace steward::cli {

std::string_view first_word(const command& c) { return c.name.substr(0, c.name.find(' ')); }

std::string_view second_word(const command& c) {
    const std::size_t space = c.name.find(' ');
    return space == std::string_view::npos ? std::string_view() : c.name.substr(space + 1);
}

const option* find_option(const command& c, std::string_view name) {
    const auto found =
        std::find_if(c.options.begin(), c.options.end(), [&](const option& o) { return o.name == name; });
    return found == c.options.end() ? nullptr : &*found;
}

std::vector<std::string_view> choices_of(std::string_view text) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const std::size_t bar = std::min(text.find('|'), text.size());
        parts.push_back(text.substr(0, bar));
        text.remove_prefix(std::min(bar + 1, text.size()));
    }
    return parts;
}

std::string spelled(const option& o) {
    const bool has_letter = o.name == "output" || o.name == "out";
    std::string out = (has_letter ? "-o, --" : "--") + std::string(o.name);
    if (o.value.empty()) return out;
    return out + (o.may_lack_value ? " [" + std::string(o.value) + "]" : " " + std::string(o.value));
}

std::string with_operands(const command& c) {
    std::string out(c.name);
    for (const operand& o : c.operands) {
        const std::string word = std::string(o.choices.empty() ? o.name : o.choices) + (o.is_repeated ? "…" : "");
        out += o.is_optional ? " [" + word + "]" : " " + word;
    }
    return out;
}

std::string synopsis(const command& c) {
    std::string out = "steward " + with_operands(c);
    for (const option& o : c.options) {
        const std::string word = o.name == "output" ? "-o " + std::string(o.value) : spelled(o);
        out += " [" + word + "]" + (o.is_repeated ? "…" : "");
    }
    return out;
}

}  // namespace steward::cli
