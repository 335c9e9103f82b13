#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace steward {

/// Which of a leader's questions to the other daemons: they are counted anew in every epoch. Zero: none.
class question {
  public:
    std::uint64_t epoch = 0;
    std::uint64_t number = 0;
    auto operator<=>(const question&) const = default;
};

/// "7.3".
[[nodiscard]] std::string to_text(const question& q);
/// Nothing when the text is none.
[[nodiscard]] std::optional<question> parse_question(std::string_view text);

}  // namespace steward
