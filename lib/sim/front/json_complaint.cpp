#include "sim/front/body_parsers.hpp"

#include <fmt/core.h>

namespace steward::sim::wire {
namespace {

constexpr int deepest = 512;

/// Walks over a JSON text and stops at the first thing that PVE's parser does not take, with its words.
class walker {
  public:
    explicit walker(std::string_view text) : text_(text) {}

    std::string complaint() {
        skip_blanks();
        if (value(0)) {
            skip_blanks();
            if (!at_end()) fail("garbage after JSON object");
        }
        if (said_.empty()) return {};
        return fmt::format("{}, at character offset {} (before \"{}\")", said_, at_,
                           at_end() ? "(end of string)" : shown(text_.substr(at_)));
    }

  private:
    [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
    [[nodiscard]] char here() const { return at_end() ? '\0' : text_[at_]; }
    bool fail(std::string what) {
        said_ = std::move(what);
        return false;
    }
    void skip_blanks() {
        while (!at_end() && std::string_view(" \t\r\n").find(here()) != std::string_view::npos) ++at_;
    }
    bool expect(char c) {
        if (here() != c) return fail(fmt::format("'{}' expected", c));
        ++at_;
        return true;
    }

    bool value(int depth) {
        if (depth > deepest)
            return fail("json text or perl structure exceeds maximum nesting level (max_depth set too low?)");
        const char c = here();
        if (c == '"') return string();
        if (c == '[') return array(depth);
        if (c == '{') return object(depth);
        if (c == '-' || is_digit(c)) return number();
        if (c == 't') return word("true");
        if (c == 'f') return word("false");
        if (c == 'n') return word("null");
        return fail("malformed JSON string, neither tag, array, object, number, string or atom");
    }

    bool word(std::string_view expected) {
        if (!text_.substr(at_).starts_with(expected)) return fail(fmt::format("'{}' expected", expected));
        at_ += expected.size();
        return true;
    }

    bool array(int depth) {
        ++at_;
        skip_blanks();
        if (here() == ']') return ++at_ > 0;
        for (;;) {
            if (!value(depth + 1)) return false;
            skip_blanks();
            if (here() == ']') return ++at_ > 0;
            if (here() != ',') return fail(", or ] expected while parsing array");
            ++at_;
            skip_blanks();
        }
    }

    bool object(int depth) {
        ++at_;
        skip_blanks();
        if (here() == '}') return ++at_ > 0;
        for (;;) {
            if (here() != '"') return fail("'\"' expected");
            if (!string()) return false;
            skip_blanks();
            if (!expect(':')) return false;
            skip_blanks();
            if (!value(depth + 1)) return false;
            skip_blanks();
            if (here() == '}') return ++at_ > 0;
            if (here() != ',') return fail(", or } expected while parsing object/hash");
            ++at_;
            skip_blanks();
        }
    }

    bool string() {
        for (++at_; !at_end(); ++at_) {
            const auto c = static_cast<unsigned char>(here());
            if (c == '"') return ++at_ > 0;
            if (c < 0x20) return fail("invalid character encountered while parsing JSON string");
            if (c == '\\' && !escape()) return false;
        }
        return fail("unexpected end of string while parsing JSON string");
    }

    bool escape() {
        ++at_;
        if (at_end()) return true;  // the end is what is wrong then
        if (here() != 'u')
            return std::string_view("\"\\/bfnrt").find(here()) != std::string_view::npos ||
                   fail("illegal backslash escape sequence in string");
        for (int i = 0; i < 4; ++i) {
            ++at_;
            if (at_end()) return true;
            if (std::string_view("0123456789abcdefABCDEF").find(here()) == std::string_view::npos)
                return fail("malformed \\uXXXX character in JSON string");
        }
        return true;
    }

    static bool is_digit(char c) { return c >= '0' && c <= '9'; }
    bool digits() {
        const std::size_t from = at_;
        while (is_digit(here())) ++at_;
        return at_ > from;
    }

    bool number() {
        if (here() == '-') ++at_;
        if (here() == '0') {
            ++at_;
            if (is_digit(here())) return fail("malformed number (leading zero must not be followed by another digit)");
        } else if (!digits()) {
            return fail("malformed number (no digits after initial minus)");
        }
        if (here() == '.') {
            ++at_;
            if (!digits()) return fail("malformed number (no digits after decimal point)");
        }
        if (here() == 'e' || here() == 'E') {
            ++at_;
            if (here() == '+' || here() == '-') ++at_;
            if (!digits()) return fail("malformed number (no digits after exp sign)");
        }
        return true;
    }

    /// Up to twenty columns of what follows.
    static std::string shown(std::string_view rest) {
        std::string out;
        for (const char c : rest) {
            if (out.size() >= 20) return out + "...";
            const auto byte = static_cast<unsigned char>(c);
            if (c == '\n')
                out += "\\n";
            else if (c == '\r')
                out += "\\r";
            else if (c == '\t')
                out += "\\t";
            else if (c == '\\')
                out += "\\\\";
            else if (byte < 0x20 || byte > 0x7e)
                out += fmt::format("\\x{{{:02x}}}", byte);
            else
                out += c;
        }
        return out;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string said_;
};

}  // namespace

std::string json_complaint(std::string_view text) { return walker(text).complaint(); }

}  // namespace steward::sim::wire
