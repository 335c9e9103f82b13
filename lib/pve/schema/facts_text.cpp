#include "pve/schema/facts_text.hpp"

#include <charconv>
#include <cmath>
#include <fmt/core.h>

namespace steward::pve::schema {

namespace {

constexpr std::size_t deepest = 64;  // PVE's own schemas end at 8

constexpr bool is_verb(std::string_view word) {
    return word == "GET" || word == "POST" || word == "PUT" || word == "DELETE";
}

std::optional<value_type> type_named(std::string_view word) {
    for (const value_type type : {value_type::string, value_type::integer, value_type::number, value_type::boolean,
                                  value_type::array, value_type::object, value_type::null})
        if (word == name_of(type)) return type;
    return std::nullopt;
}

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

/// A recursive descent over lines. Functions return false after fail(); the first failure stays.
class reader {
  public:
    reader(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {}

    bool read_paths(std::vector<method>& into);
    bool read_single(std::string_view path, method& into);
    [[nodiscard]] const fault& why() const { return why_; }

  private:
    enum class place { member, element, rest };

    bool fail(std::string_view expected) {
        why_ = fault(errc::garbage, where_, fmt::format("line {}: {}", number_, expected));
        return false;
    }

    bool next_line();
    bool read_method(std::size_t depth, method& into);
    bool read_flags(method& into);
    bool read_permission(method& into);
    bool read_inside_method(std::size_t depth, method& into);
    bool read_name(value& into, bool& is_quoted);
    bool read_type(value& into);
    bool read_value(std::size_t depth, value& into);
    bool read_children(std::size_t depth, value& into);
    bool read_child(std::size_t depth, value& into);
    bool read_attribute(value& into);
    bool read_constraint(std::string_view key, value& into);
    bool read_label(std::string_view key, value& into);

    [[nodiscard]] bool at_end_of_line() const { return line_.empty(); }
    bool skip_blank();
    std::string_view take_word();
    bool take_key(std::string_view& key, bool& has_text);
    bool take_escape(std::string& into);
    bool take_text(std::string& into, std::string_view stops = " ");
    bool take_list(std::vector<std::string>& into);
    bool take_number(std::optional<double>& into);
    bool take_length(value& into);
    bool take_size(std::string_view& text, std::optional<std::size_t>& into);
    bool take_version(version& into);
    bool take_count(unsigned& into);

    std::string_view text_;
    std::string where_;
    std::string_view line_;  // what of the current line is not read yet
    std::size_t depth_ = 0;
    std::size_t number_ = 0;
    bool is_over_ = false;
    fault why_;
};

bool reader::next_line() {
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

bool reader::read_paths(std::vector<method>& into) {
    if (!next_line()) return false;
    while (!is_over_) {
        if (depth_ != 0 || line_.front() != '/') return fail("expected a path in column 0");
        if (line_.find(' ') != std::string_view::npos) return fail("a path has no blanks");
        const std::string path(line_);
        if (!next_line()) return false;
        if (is_over_ || depth_ != 1) return fail("expected a method of " + path + ", indented by two blanks");
        while (!is_over_ && depth_ == 1) {
            method& added = into.emplace_back();
            added.path = path;
            if (!read_method(1, added)) return false;
        }
    }
    return true;
}

bool reader::read_single(std::string_view path, method& into) {
    into.path = path;
    if (!next_line()) return false;
    if (is_over_ || depth_ != 0) return fail("expected GET, POST, PUT or DELETE in column 0");
    if (!read_method(0, into)) return false;
    return is_over_ || fail("expected the end of the method");
}

bool reader::read_method(std::size_t depth, method& into) {
    const std::string_view verb = take_word();
    if (!is_verb(verb)) return fail("expected GET, POST, PUT or DELETE");
    into.verb = verb;
    if (at_end_of_line()) return fail("expected the method's name");
    if (!skip_blank() || !take_text(into.name) || !read_flags(into) || !next_line()) return false;
    while (!is_over_ && depth_ == depth + 1)
        if (!read_inside_method(depth + 1, into)) return false;
    return is_over_ || depth_ <= depth || fail("indented too far");
}

bool reader::read_flags(method& into) {
    while (!at_end_of_line()) {
        std::string_view key;
        bool has_text = false;
        if (!skip_blank() || !take_key(key, has_text)) return false;
        if (has_text && key == "since") {
            if (!take_version(into.when.since)) return false;
        } else if (has_text && key == "until") {
            if (!take_version(into.when.until)) return false;
        } else if (!has_text && key == "protected") {
            into.is_protected = true;
        } else if (!has_text && key == "proxied") {
            into.is_proxied = true;
        } else if (!has_text && key == "notoken") {
            into.allows_token = false;
        } else if (!has_text && key == "open") {
            into.accepts_more = true;
        } else if (!has_text && key == "download") {
            into.is_download = true;
        } else {
            return fail(fmt::format("\"{}\" is not a flag of a method", key));
        }
    }
    return true;
}

/// Finds the end of a JSON array by its brackets; what is inside is the reader's who wants to understand it.
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

bool reader::read_permission(method& into) {
    if (at_end_of_line()) return fail("expected a permission");
    if (!skip_blank()) return false;
    permission& added = into.permissions.emplace_back();
    if (line_.front() == '[') {
        const std::size_t length = array_length(line_);
        if (length == 0) return fail("expected the end of a permission");
        added.rule = line_.substr(0, length);
        line_.remove_prefix(length);
    } else {
        added.rule = take_word();
        if (added.rule != "all" && added.rule != "world" && added.rule != "code" && added.rule != "root")
            return fail("expected all, world, code, root or a JSON array");
    }
    while (!at_end_of_line()) {
        std::string_view key;
        bool has_text = false;
        if (!skip_blank() || !take_key(key, has_text)) return false;
        if (!has_text || (key != "since" && key != "until")) return fail("a permission has only since= and until=");
        if (!take_version(key == "since" ? added.when.since : added.when.until)) return false;
    }
    return next_line();
}

bool reader::read_inside_method(std::size_t depth, method& into) {
    if (line_.starts_with("perm ")) {
        line_.remove_prefix(4);
        if (!read_permission(into)) return false;
        return is_over_ || depth_ <= depth || fail("a permission has no children");
    }
    value added;
    bool is_quoted = false;
    if (!read_name(added, is_quoted)) return false;
    const bool is_result = !is_quoted && !added.is_indexed && added.name == "returns";
    if (is_result) added.name.clear();
    if (!read_value(depth, added)) return false;
    (is_result ? into.returns : into.parameters).push_back(std::move(added));
    return true;
}

bool reader::read_name(value& into, bool& is_quoted) {
    is_quoted = line_.front() == '"';
    if (!take_text(into.name, " ?[")) return false;
    if (into.name.empty() && !is_quoted) return fail("expected a name");
    if (line_.starts_with("[n]")) {
        into.is_indexed = true;
        line_.remove_prefix(3);
    }
    if (line_.starts_with("?")) {
        into.is_optional = true;
        line_.remove_prefix(1);
    }
    return at_end_of_line() || line_.front() == ' ' || fail("expected a blank after the name");
}

bool reader::read_type(value& into) {
    if (at_end_of_line()) return true;
    const std::string_view word = line_.substr(1, line_.find(' ', 1) - 1);
    const auto type = type_named(word);
    if (!type) return true;
    into.type = *type;
    line_.remove_prefix(1 + word.size());
    return true;
}

/// From behind the name to the last child.
bool reader::read_value(std::size_t depth, value& into) {
    if (!read_type(into)) return false;
    while (!at_end_of_line())
        if (!skip_blank() || !read_attribute(into)) return false;
    return next_line() && read_children(depth, into);
}

bool reader::read_children(std::size_t depth, value& into) {
    while (!is_over_ && depth_ == depth + 1)
        if (!read_child(depth + 1, into)) return false;
    return is_over_ || depth_ <= depth || fail("indented too far");
}

bool reader::read_child(std::size_t depth, value& into) {
    const bool is_element = line_ == "[]" || line_.starts_with("[] ") || line_ == "[]?" || line_.starts_with("[]? ");
    const bool is_rest = line_ == "*" || line_.starts_with("* ") || line_ == "*?" || line_.starts_with("*? ");
    const bool is_array = into.type == value_type::array;
    if (into.type != value_type::string && into.type != value_type::object && into.type != value_type::any && !is_array)
        return fail(fmt::format("a value of type {} has no children", name_of(into.type)));
    value added;
    if (is_element || is_rest) {
        line_.remove_prefix(is_element ? 2 : 1);
        if (line_.starts_with('?')) {
            added.is_optional = true;
            line_.remove_prefix(1);
        }
        if (is_element && (!is_array || !into.members.empty())) return fail("only an array has an element, and one");
        if (is_rest && !into.rest.empty()) return fail("what undeclared fields look like is said once");
    } else {
        bool is_quoted = false;
        if (is_array) return fail("expected the array's element: []");
        if (!read_name(added, is_quoted)) return false;
    }
    if (!is_rest) into.has_members = true;
    if (!read_value(depth, added)) return false;
    (is_rest ? into.rest : into.members).push_back(std::move(added));
    return true;
}

bool reader::read_attribute(value& into) {
    std::string_view key;
    bool has_text = false;
    if (!take_key(key, has_text)) return false;
    if (!has_text) {
        if (key == "default_key") return into.is_default_key = true;
        if (key == "open") return into.is_open = true;
        if (key == "{}") return into.has_members = true;
        return fail(fmt::format("\"{}\" is neither a type nor an attribute", key));
    }
    return read_constraint(key, into);
}

bool reader::read_constraint(std::string_view key, value& into) {
    if (key == "min") return take_number(into.minimum);
    if (key == "max") return take_number(into.maximum);
    if (key == "len") return take_length(into);
    if (key == "pattern") return take_text(into.pattern);
    if (key == "format") return take_text(into.format);
    if (key == "enum") return take_list(into.choices);
    if (key == "requires") return take_list(into.required_with);
    if (key == "default") return take_text(into.default_text.emplace());
    if (key == "since") return take_version(into.when.since);
    if (key == "until") return take_version(into.when.until);
    return read_label(key, into);
}

bool reader::read_label(std::string_view key, value& into) {
    if (key == "alias") return take_text(into.alias);
    if (key == "key_alias") return take_text(into.key_alias);
    if (key == "unit") return take_text(into.unit);
    if (key == "renderer") return take_text(into.renderer);
    if (key == "by") return take_text(into.type_property);
    if (key == "for") return take_list(into.only_for);
    if (key == "count") return take_count(into.index_count);
    return fail(fmt::format("\"{}=\" is not an attribute", key));
}

bool reader::skip_blank() {
    if (line_.front() != ' ') return fail("expected a blank");
    line_.remove_prefix(1);
    return (!line_.empty() && line_.front() != ' ') || fail("one blank between words, none at the end");
}

std::string_view reader::take_word() {
    const std::string_view word = line_.substr(0, line_.find(' '));
    line_.remove_prefix(word.size());
    return word;
}

bool reader::take_key(std::string_view& key, bool& has_text) {
    const std::size_t end = line_.find_first_of(" =");
    key = line_.substr(0, end);
    has_text = end != std::string_view::npos && line_[end] == '=';
    line_.remove_prefix(key.size() + (has_text ? 1 : 0));
    return true;
}

bool reader::take_escape(std::string& into) {
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

/// A quoted or a bare text; a bare one ends before any of `stops`.
bool reader::take_text(std::string& into, std::string_view stops) {
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

bool reader::take_list(std::vector<std::string>& into) {
    into.clear();
    for (;;) {
        if (!take_text(into.emplace_back(), " |")) return false;
        if (!line_.starts_with('|')) return true;
        line_.remove_prefix(1);
    }
}

bool reader::take_number(std::optional<double>& into) {
    const std::string_view word = take_word();
    double number = 0;
    const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (word.empty() || ec != std::errc() || end != word.data() + word.size() || !std::isfinite(number))
        return fail(fmt::format("\"{}\" is not a number", word));
    into = number;
    return true;
}

bool reader::take_size(std::string_view& text, std::optional<std::size_t>& into) {
    std::size_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    into = number;
    return true;
}

bool reader::take_length(value& into) {
    std::string_view word = take_word();
    take_size(word, into.min_length);
    const bool has_dots = word.starts_with("..");
    if (has_dots) word.remove_prefix(2);
    if (!word.empty()) take_size(word, into.max_length);
    if (!has_dots || !word.empty() || (!into.min_length && !into.max_length))
        return fail("expected a length like 1..64, ..64 or 1..");
    return true;
}

bool reader::take_version(version& into) {
    const std::string_view word = take_word();
    const auto read = parse_version(word);
    if (!read) return fail(read.error().detail);
    into = *read;
    return true;
}

bool reader::take_count(unsigned& into) {
    const std::string_view word = take_word();
    const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), into);
    if (word.empty() || ec != std::errc() || end != word.data() + word.size())
        return fail(fmt::format("\"{}\" is not a count", word));
    return true;
}

}  // namespace

result<std::vector<method>> parse_facts(std::string_view text) {
    std::vector<method> methods;
    reader lines(text, "schema facts");
    if (!lines.read_paths(methods)) return lines.why();
    return methods;
}

result<method> parse_method(std::string_view path, std::string_view text) {
    method read;
    reader lines(text, fmt::format("schema facts of {}", path));
    if (!lines.read_single(path, read)) return lines.why();
    return read;
}

}  // namespace steward::pve::schema
