#pragma once
#include "base/decision.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// How one decision stands in the ledger: a line of JSON whose last member is a hash over the hash of the line before
/// it and the line without that member. Anybody can check it with `sha256sum` (docs/ledger.md).
namespace steward::ledger_line {

/// What the first line of all follows.
[[nodiscard]] std::string first_anchor();

/// The decision as a JSON object in one line; texts are cut, and what is no UTF-8 is replaced.
[[nodiscard]] std::string to_json(const decision& d);
/// First line of a file: which one it is, what it goes on from, and what was wrong with the one before, if anything.
[[nodiscard]] std::string header(std::uint64_t file, const std::string& anchor, wall_time when, const std::string& why);

/// A line that is in the chain.
class sealed {
  public:
    std::string text;  ///< without line end
    std::string hash;
};
[[nodiscard]] sealed seal(const std::string& json, std::uint64_t sequence, const std::string& previous);

/// The parts of such a line. Nothing when it does not look like one; whether it links is `follows`' question.
class parts {
  public:
    std::string_view body;  ///< up to the hash's comma: with "}" behind it that is what was hashed
    std::string_view hash;
    std::uint64_t sequence = 0;
};
[[nodiscard]] std::optional<parts> take_apart(std::string_view line);
[[nodiscard]] bool follows(const parts& line, std::string_view previous);

/// A member of a header that is a text; "" when it has none.
[[nodiscard]] std::string text_of(std::string_view line, std::string_view key);
/// The line is a JSON object, and what it is about.
[[nodiscard]] bool is_json_about(std::string_view line, const std::string& about, std::string_view since);

}  // namespace steward::ledger_line
