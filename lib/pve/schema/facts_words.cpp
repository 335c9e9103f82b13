#include "pve/schema/facts_words.hpp"

#include <charconv>
#include <cmath>
#include <fmt/core.h>

namespace steward::pve::schema {

namespace {

constexpr std::size_t deepest = 64;  // PVE's own schemas end at 8

void append_utf8(std::string& to, unsigned code) {
    const auto add = [&to](unsigned byte) { to.push_back(static_cast<char>(byte)); };
    if (code < 0x80) return add(code);
    if (code < 0x800) {
        add(0xC0 | code >> 6);
    } else {
        add(0xE0 | code >> 12);
        add(0x80 | (code >> 6 & 0x3F));
    }
    add(0x80 | (code & 0x3F));
}

std::size_t array_length(std::string_view text) {
    int open = 0;
    bool is_in_string = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (is_in_string) {
            if (c == '\\') ++at;
            if (c == '"') is_in_string = false;
        } else if (c == '"') {
            is_in_string = true;
        } else if (c == '[') {
            ++open;
        } else if (c == ']' && --open == 0) {
            return at + 1;
        }
    }
    return 0;
}

/// Reads a size at the front of `text` and removes it.
std::optional<std::size_t> front_size(std::string_view& text) {
    std::size_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

}  // namespace

bool line_words::fail(std::string_view expected) {
    why_ = fault(errc::garbage, where_, fmt::format("line {}: {}", number_, expected));
    return false;
}

bool line_words::next_line() {
    if (text_.empty()) {
        is_over_ = true;
        depth_ = 0;
        line_ = {};
        return true;
    }
    ++number_;
    const std::size_t end = text_.find('\n');
    line_ = text_.substr(0, end);
    text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
    const std::size_t blanks = line_.find_first_not_of(' ');
    if (blanks == std::string_view::npos) return fail("an empty line");
    if (blanks % 2 != 0) return fail("indented by an odd number of blanks");
    depth_ = blanks / 2;
    if (depth_ > deepest) return fail("nested too deeply");
    line_.remove_prefix(blanks);
    return true;
}

bool line_words::skip_blank() {
    if (line_.front() != ' ') return fail("expected a blank");
    line_.remove_prefix(1);
    return (!line_.empty() && line_.front() != ' ') || fail("one blank between words, none at the end");
}

std::string_view line_words::take_word() {
    const std::string_view word = line_.substr(0, line_.find(' '));
    line_.remove_prefix(word.size());
    return word;
}

void line_words::take_key(std::string_view& key, bool& has_text) {
    const std::size_t end = line_.find_first_of(" =");
    key = line_.substr(0, end);
    has_text = end != std::string_view::npos && line_[end] == '=';
    line_.remove_prefix(key.size() + (has_text ? 1 : 0));
}

bool line_words::take_escape(std::string& into) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (line_.empty()) return fail("a text without its closing quote");
    const char letter = line_.front();
    line_.remove_prefix(1);
    if (const std::size_t at = letters.find(letter); at != std::string_view::npos) {
        into.push_back(meanings[at]);
        return true;
    }
    unsigned code = 0;
    const std::string_view digits = line_.substr(0, 4);
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    const bool is_whole = ec == std::errc() && digits.size() == 4 && end == digits.data() + 4;
    // Print leaves everything but control characters as it is, so half a surrogate pair is never needed.
    if (letter != 'u' || !is_whole || (code >= 0xD800 && code < 0xE000)) return fail("an unknown escape in a text");
    append_utf8(into, code);
    line_.remove_prefix(4);
    return true;
}

bool line_words::take_text(std::string& into, std::string_view stops) {
    into.clear();
    if (line_.empty() || line_.front() != '"') {
        const std::string_view word = line_.substr(0, line_.find_first_of(stops));
        if (word.empty()) return fail("expected a text");
        if (word.find_first_of("\"|=") != std::string_view::npos) return fail("this text needs quotes");
        into = word;
        line_.remove_prefix(word.size());
        return true;
    }
    line_.remove_prefix(1);
    for (;;) {
        const std::size_t end = line_.find_first_of("\"\\");
        if (end == std::string_view::npos) return fail("a text without its closing quote");
        const bool is_closed = line_[end] == '"';
        into.append(line_.substr(0, end));
        line_.remove_prefix(end + 1);
        if (is_closed) return true;
        if (!take_escape(into)) return false;
    }
}

bool line_words::take_list(std::vector<std::string>& into) {
    into.clear();
    for (;;) {
        if (!take_text(into.emplace_back(), " |")) return false;
        if (!line_.starts_with('|')) return true;
        line_.remove_prefix(1);
    }
}

bool line_words::take_number(std::optional<double>& into) {
    const std::string_view word = take_word();
    double number = 0;
    const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (word.empty() || ec != std::errc() || end != word.data() + word.size() || !std::isfinite(number))
        return fail(fmt::format("\"{}\" is not a number", word));
    into = number;
    return true;
}

bool line_words::take_length(std::optional<std::size_t>& least, std::optional<std::size_t>& most) {
    std::string_view word = take_word();
    least = front_size(word);
    const bool has_dots = word.starts_with("..");
    if (has_dots) word.remove_prefix(2);
    most = front_size(word);
    if (!has_dots || !word.empty() || (!least && !most)) return fail("expected a length like 1..64, ..64 or 1..");
    return true;
}

bool line_words::take_version(version& into) {
    const std::string_view word = take_word();
    const auto read = parse_version(word);
    if (!read) return fail(read.error().detail);
    into = *read;
    return true;
}

bool line_words::take_count(unsigned& into) {
    const std::string_view word = take_word();
    const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), into);
    if (word.empty() || ec != std::errc() || end != word.data() + word.size())
        return fail(fmt::format("\"{}\" is not a count", word));
    return true;
}

bool line_words::take_array(std::string& into) {
    const std::size_t length = array_length(line_);
    if (length == 0) return fail("expected the end of a permission");
    into = line_.substr(0, length);
    line_.remove_prefix(length);
    return true;
}

}  // namespace steward::pve::schema
