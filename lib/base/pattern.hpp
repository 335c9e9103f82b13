#pragma once
#include "base/result.hpp"

#include <memory>
#include <string_view>

namespace steward {

/// A regular expression in RE2's language, which takes time and memory in proportion to the text, whatever the
/// expression and the text are (docs/adr/0002-re2.md): no look-around and no back references.
class pattern {
  public:
    /// Error: `invalid`, with RE2's words.
    [[nodiscard]] static result<pattern> compile(std::string_view expression);
    /// Somewhere in it.
    [[nodiscard]] bool found_in(std::string_view text) const;

  private:
    class compiled;
    explicit pattern(std::shared_ptr<const compiled> c);
    std::shared_ptr<const compiled> compiled_;
};

}  // namespace steward
