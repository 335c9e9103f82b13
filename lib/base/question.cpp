#include "base/question.hpp"

#include "base/key_lines.hpp"

#include <fmt/core.h>

namespace steward {

std::string to_text(const question& q) { return fmt::format("{}.{}", q.epoch, q.number); }

std::optional<question> parse_question(std::string_view text) {
    const auto dot = text.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const auto epoch = parse_number(text.substr(0, dot));
    const auto number = parse_number(text.substr(dot + 1));
    if (!epoch || !number) return std::nullopt;
    return question{*epoch, *number};
}

}  // namespace steward
