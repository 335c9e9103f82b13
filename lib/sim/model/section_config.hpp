#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace steward::sim {

/// One section of a PVE section file: "ct: 101" and its indented "key value" lines.
class config_section {
  public:
    config_section(std::string kind, std::string name) : type(std::move(kind)), id(std::move(name)) {}
    std::string type;
    std::string id;
    std::map<std::string, std::string> values;

    [[nodiscard]] std::string get(const std::string& key, const std::string& fallback = {}) const;
    [[nodiscard]] bool has(const std::string& key) const { return values.count(key) != 0; }
    [[nodiscard]] bool flag(const std::string& key) const { return get(key) == "1"; }
};

/// A file of such sections, in its order: ha/resources.cfg, ha/groups.cfg, ha/rules.cfg, notifications.cfg.
class section_config {
  public:
    /// Lines that are neither header nor property are passed over, like PVE's parser does with a warning.
    [[nodiscard]] static section_config parse(std::string_view text);
    [[nodiscard]] std::string text() const;

    [[nodiscard]] config_section* find(const std::string& id);
    [[nodiscard]] const config_section* find(const std::string& id) const;
    void remove(const std::string& id);

    std::vector<config_section> sections;
};

}  // namespace steward::sim
