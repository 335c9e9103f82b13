#include "sim/model/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace steward::sim {

std::string_view trimmed(std::string_view text) {
    constexpr const char* blanks = " \t\r\n\f\v";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::vector<std::string> split_at(std::string_view text, char between) {
    std::vector<std::string> parts;
    for (std::size_t at = 0;;) {
        const std::size_t end = std::min(text.find(between, at), text.size());
        parts.emplace_back(text.substr(at, end - at));
        if (end == text.size()) return parts;
        at = end + 1;
    }
}

std::vector<std::string> split_list(std::string_view list) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < list.size();) {
        const std::size_t end = std::min(list.find_first_of(",; ", at), list.size());
        if (end > at) words.emplace_back(list.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

std::string percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
            out += static_cast<char>(value);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string base64(std::string_view bytes) {
    static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : bytes) {
        bits = bits << 8U | static_cast<unsigned char>(c);
        for (held += 8; held >= 6; held -= 6) out += digits[bits >> static_cast<unsigned>(held - 6) & 63U];
    }
    if (held > 0) out += digits[bits << static_cast<unsigned>(6 - held) & 63U];
    while (out.size() % 4 != 0) out += '=';
    return out;
}

std::string bytes_of_hex(std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        int value = 0;
        std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
        out += static_cast<char>(value);
    }
    return out;
}

}  // namespace steward::sim
