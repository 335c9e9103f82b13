#include "base/clean_text.hpp"

#include <algorithm>

namespace steward {
namespace {

constexpr std::string_view unknown = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view dots = "\xE2\x80\xA6";     // …

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// Bytes of the character at the beginning of `text`; 0 when there is none (RFC 3629: no surrogates, none overlong).
std::size_t character_at(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if (!continues(text[i])) return 0;
    const auto second = static_cast<unsigned char>(text[1]);
    const bool is_wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                          (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
    return is_wrong ? 0 : length;
}

}  // namespace

std::string valid_utf8(std::string_view text, std::size_t most) {
    std::string out;
    out.reserve(std::min(text.size(), most));
    while (!text.empty()) {
        const std::size_t length = character_at(text);
        const std::string_view next = length == 0 ? unknown : text.substr(0, length);
        if (out.size() + next.size() > most) {
            while (!out.empty() && out.size() + dots.size() > most) {
                while (!out.empty() && continues(out.back())) out.pop_back();
                if (!out.empty()) out.pop_back();
            }
            return dots.size() > most ? out : out.append(dots);
        }
        out += next;
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

std::string one_line(std::string_view text, std::size_t most) {
    std::string out = valid_utf8(text, most);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto c = static_cast<unsigned char>(out[i]);
        if (c == '\n' || c == '\r' || c == '\t')
            out[i] = ' ';
        else if (c < 0x20 || c == 0x7F)
            out[i] = '?';
        // U+0080 to U+009F are control characters as well: C2 80 to C2 9F.
        const bool is_c1 = c == 0xC2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xA0;
        if (is_c1) out.replace(i, 2, "?");
    }
    return out;
}

}  // namespace steward
