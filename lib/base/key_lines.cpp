#include "base/key_lines.hpp"

#include <algorithm>
#include <charconv>

namespace steward {

std::optional<std::string> for_each_line(std::string_view text,
                                         const std::function<bool(std::string_view, std::string_view)>& take) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return "a line does not end";
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        const auto equal = line.find('=');
        if (equal == std::string_view::npos) return "a line has no '='";
        if (!take(line.substr(0, equal), line.substr(equal + 1))) return "unknown or bad key";
    }
    return std::nullopt;
}

std::string join_guests(const std::vector<guest_id>& guests) {
    std::string out;
    for (const guest_id g : guests) out += (out.empty() ? "" : ",") + to_string(g);
    return out;
}

std::optional<std::vector<guest_id>> split_guests(std::string_view text) {
    std::vector<guest_id> out;
    while (!text.empty()) {
        const auto end = std::min(text.find(','), text.size());
        const auto guest = parse_guest_id(text.substr(0, end));
        if (!guest) return std::nullopt;
        out.push_back(*guest);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::uint64_t highest_number(const std::vector<std::string>& names) {
    std::uint64_t highest = 0;
    for (const std::string& name : names) highest = std::max(highest, parse_number(name).value_or(0));
    return highest;
}

}  // namespace steward
