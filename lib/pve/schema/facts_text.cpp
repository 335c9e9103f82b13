#include "pve/schema/facts_text.hpp"

#include "pve/schema/facts_words.hpp"

#include <fmt/core.h>

namespace steward::pve::schema {

namespace {

constexpr bool is_verb(std::string_view word) {
    return word == "GET" || word == "POST" || word == "PUT" || word == "DELETE";
}

std::optional<value_type> type_named(std::string_view word) {
    for (const value_type type : {value_type::string, value_type::integer, value_type::number, value_type::boolean,
                                  value_type::array, value_type::object, value_type::null})
        if (word == name_of(type)) return type;
    return std::nullopt;
}

/// A recursive descent over lines. Functions return false after fail(); the first failure stays.
class reader : private line_words {
  public:
    reader(std::string_view text, std::string where) : line_words(text, std::move(where)) {}

    bool read_paths(std::vector<method>& into);
    bool read_single(std::string_view path, method& into);
    using line_words::why;

  private:
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
};

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
        if (!skip_blank()) return false;
        take_key(key, has_text);
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

bool reader::read_permission(method& into) {
    if (at_end_of_line()) return fail("expected a permission");
    if (!skip_blank()) return false;
    permission& added = into.permissions.emplace_back();
    if (line_.front() == '[') {
        if (!take_array(added.rule)) return false;
    } else {
        added.rule = take_word();
        if (added.rule != "all" && added.rule != "world" && added.rule != "code" && added.rule != "root")
            return fail("expected all, world, code, root or a JSON array");
    }
    while (!at_end_of_line()) {
        std::string_view key;
        bool has_text = false;
        if (!skip_blank()) return false;
        take_key(key, has_text);
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
    take_key(key, has_text);
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
    if (key == "len") return take_length(into.min_length, into.max_length);
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
