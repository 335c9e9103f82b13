#include "sim/model/guest_file.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {

namespace {

const char* pending_name(guest_type type) { return type == guest_type::ct ? "pve:pending" : "PENDING"; }

std::string section(const std::string& name, const guest_config& body) {
    return fmt::format("[{}]\n{}", name, body.text());
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

guest_file guest_file::parse(guest_type type, std::string_view text) {
    guest_file file(type);
    file.now = guest_config::parse(text);
    std::string_view rest = file.now.sections;
    while (!rest.empty()) {
        const std::size_t line_end = std::min(rest.find('\n'), rest.size());
        const std::string_view title = rest.substr(0, line_end);
        const std::size_t next = rest.find("\n[", line_end);
        const std::string_view body =
            line_end < rest.size() ? rest.substr(line_end + 1, next == std::string_view::npos ? next : next - line_end)
                                   : std::string_view();
        const std::size_t close = title.find(']');
        const std::string name(title.substr(1, close == std::string_view::npos ? close : close - 1));
        const guest_config parsed = guest_config::parse(body.starts_with("[") ? std::string_view() : body);
        if (name == "pve:pending" || name == "PENDING")
            file.pending = parsed;
        else if (!name.empty())
            file.snapshots[name] = parsed;
        rest = next == std::string_view::npos ? std::string_view() : rest.substr(next + 1);
    }
    file.now.sections.clear();
    return file;
}

std::string guest_file::text() const {
    guest_config whole = now;
    if (!pending.values.empty()) whole.sections = section(pending_name(type), pending);
    for (const auto& [name, body] : snapshots)
        whole.sections += (whole.sections.empty() ? "" : "\n") + section(name, body);
    return whole.text();
}

std::string decoded_description(const std::string& lines) {
    std::string out;
    bool at_start = true;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (at_start && lines[i] == '#') {
            at_start = false;
            continue;
        }
        at_start = lines[i] == '\n';
        const int high = i + 2 < lines.size() && lines[i] == '%' ? hex_digit(lines[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(lines[i + 2]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += lines[i];
        }
    }
    return out;
}

std::string encoded_description(const std::string& text) {
    if (text.empty()) return {};
    std::string out = "#";
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == '\n')
            out += i + 1 == text.size() ? "" : "\n#";
        else if (c < 0x20 || c == ':' || c >= 0x7f)
            out += fmt::format("%{:02X}", c);
        else
            out += text[i];
    }
    return out + "\n";
}

property_list::property_list(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        const std::string word(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t equals = word.find('=');
        if (word.empty()) continue;
        if (equals == std::string::npos)
            pairs.emplace_back("", word);
        else
            pairs.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
}

std::string property_list::get(const std::string& key) const {
    for (const auto& [name, value] : pairs)
        if (name == key) return value;
    return {};
}

bool property_list::has(const std::string& key) const {
    return std::any_of(pairs.begin(), pairs.end(), [&](const auto& p) { return p.first == key; });
}

void property_list::set(const std::string& key, const std::string& value) {
    for (auto& [name, old] : pairs)
        if (name == key) {
            old = value;
            return;
        }
    pairs.emplace_back(key, value);
}

void property_list::erase(const std::string& key) {
    std::erase_if(pairs, [&](const auto& p) { return p.first == key; });
}

std::string property_list::text(const std::vector<std::string>& first) const {
    std::vector<std::pair<std::string, std::string>> sorted = pairs;
    const auto rank = [&](const std::string& key) -> std::size_t {
        if (key.empty()) return 0;
        const auto found = std::find(first.begin(), first.end(), key);
        return found == first.end() ? first.size() + 1 : static_cast<std::size_t>(found - first.begin()) + 1;
    };
    std::stable_sort(sorted.begin(), sorted.end(), [&](const auto& a, const auto& b) {
        return std::pair(rank(a.first), a.first) < std::pair(rank(b.first), b.first);
    });
    std::string out;
    for (const auto& [key, value] : sorted) out += (out.empty() ? "" : ",") + (key.empty() ? value : key + "=" + value);
    return out;
}

}  // namespace steward::sim
