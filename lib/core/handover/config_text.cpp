#include "core/handover/config_text.hpp"

#include <algorithm>

namespace steward::handover {
namespace {

/// Takes the first line off `rest`, with its line feed.
std::string_view next_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end == std::string_view::npos ? rest.size() : end + 1);
    rest.remove_prefix(line.size());
    return line;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

bool begins_section(std::string_view line) { return line.starts_with('['); }

bool is_key(std::string_view line, std::string_view key) {
    return line.size() > key.size() && line.starts_with(key) && line[key.size()] == ':';
}

}  // namespace

std::optional<std::string> head_value(std::string_view text, std::string_view key) {
    std::optional<std::string> found;
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        if (begins_section(line)) break;
        if (is_key(line, key)) found = std::string(trimmed(line.substr(key.size() + 1)));
    }
    return found;
}

std::string locked_text(std::string_view original) {
    std::string head;
    std::string_view rest = original;
    while (!rest.empty() && !begins_section(rest)) {
        const std::string_view line = next_line(rest);
        if (!is_key(line, "onboot") && !is_key(line, "lock")) head += line;
    }
    // Blank lines between the head and the first section stay there.
    std::size_t end = head.find_last_not_of('\n');
    end = end == std::string::npos ? 0 : end + 1;
    const std::string gap = end < head.size() ? head.substr(end + 1) : "";
    head.resize(end);
    if (!head.empty()) head += '\n';
    return head + "lock: migrate\nonboot: 0\n" + gap + std::string(rest);
}

std::string unlocked_text(std::string_view locked) {
    std::string head;
    while (!locked.empty() && !begins_section(locked)) {
        const std::string_view line = next_line(locked);
        if (!is_key(line, "lock")) head += line;
    }
    return head + std::string(locked);
}

bool has_tag(std::string_view tags, std::string_view wanted) {
    while (!tags.empty()) {
        const auto end = std::min(tags.find_first_of(";, "), tags.size());
        if (tags.substr(0, end) == wanted) return true;
        tags.remove_prefix(std::min(end + 1, tags.size()));
    }
    return false;
}

bool is_half_made(std::string_view text, std::string_view tag) {
    const bool is_tagged = has_tag(head_value(text, "tags").value_or(""), tag);
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        if (begins_section(line)) return false;
        const bool is_first_write = is_key(line, "lock") || is_key(line, "memory") || trimmed(line).empty();
        if (!is_first_write && !is_tagged) return false;
    }
    return true;
}

}  // namespace steward::handover
