#include "sim/model/section_config.hpp"

#include <algorithm>

namespace steward::sim {

std::string config_section::get(const std::string& key, const std::string& fallback) const {
    const auto found = values.find(key);
    return found == values.end() ? fallback : found->second;
}

section_config section_config::parse(std::string_view text) {
    section_config parsed;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const bool is_property = !line.empty() && (line.front() == '\t' || line.front() == ' ');
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.empty() || line.front() == '#') continue;
        if (is_property && !parsed.sections.empty()) {
            const std::size_t blank = std::min(line.find_first_of(" \t"), line.size());
            const std::size_t value = std::min(line.find_first_not_of(" \t", blank), line.size());
            parsed.sections.back().values[std::string(line.substr(0, blank))] = std::string(line.substr(value));
        } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos && !is_property) {
            const std::size_t name = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
            parsed.sections.emplace_back(std::string(line.substr(0, colon)), std::string(line.substr(name)));
        }
    }
    return parsed;
}

std::string section_config::text() const {
    std::string out;
    for (const config_section& s : sections) {
        out += s.type + ": " + s.id + "\n";
        for (const auto& [key, value] : s.values) out += "\t" + key + " " + value + "\n";
        out += "\n";
    }
    return out;
}

config_section* section_config::find(const std::string& id) {
    const auto found =
        std::find_if(sections.begin(), sections.end(), [&](const config_section& s) { return s.id == id; });
    return found == sections.end() ? nullptr : &*found;
}

const config_section* section_config::find(const std::string& id) const {
    return const_cast<section_config*>(this)->find(id);  // NOLINT: the same search
}

void section_config::remove(const std::string& id) {
    std::erase_if(sections, [&](const config_section& s) { return s.id == id; });
}

}  // namespace steward::sim
