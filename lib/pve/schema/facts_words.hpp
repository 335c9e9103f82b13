#pragma once
#include "base/result.hpp"
#include "pve/schema/schema.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace steward::pve::schema {

/// The lines of a facts text and the words in them (facts_text.hpp). Reading functions return false after fail(), and
/// then nothing more is read.
class line_words {
  public:
    line_words(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {}
    [[nodiscard]] const fault& why() const { return why_; }

  protected:
    /// Returns false, for `return fail(…)`.
    bool fail(std::string_view expected);
    /// Goes to the next line, with depth_ and line_; behind the last one is_over_ is set.
    bool next_line();

    [[nodiscard]] bool at_end_of_line() const { return line_.empty(); }
    bool skip_blank();
    std::string_view take_word();
    /// "min" of "min=5", and that a text follows.
    void take_key(std::string_view& key, bool& has_text);
    /// A quoted or a bare text; a bare one ends before any of `stops`.
    bool take_text(std::string& into, std::string_view stops = " ");
    bool take_list(std::vector<std::string>& into);
    bool take_number(std::optional<double>& into);
    bool take_length(std::optional<std::size_t>& least, std::optional<std::size_t>& most);
    bool take_version(version& into);
    bool take_count(unsigned& into);
    /// A JSON array as it stands, found by its brackets; what is in it is not looked at.
    bool take_array(std::string& into);

    std::string_view line_;  ///< what of the current line is not read yet
    std::size_t depth_ = 0;
    bool is_over_ = false;

  private:
    bool take_escape(std::string& into);

    std::string_view text_;
    std::string where_;
    std::size_t number_ = 0;
    fault why_;
};

}  // namespace steward::pve::schema
