#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace steward::sim {

class realm {
  public:
    std::string type;                            ///< "pam", "pve", "ldap", "ad", "openid"
    std::map<std::string, std::string> options;  ///< "comment", "default", "tfa", …
};

/// domains.cfg. The realms pam and pve are always there, with or without a line.
class realm_config {
  public:
    [[nodiscard]] static realm_config parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    [[nodiscard]] const realm* find(const std::string& name) const;

    std::map<std::string, realm> realms;
};

/// What is wrong with an option of a realm of that type, in PVE's words; nothing when it may stand there.
[[nodiscard]] std::optional<std::string> realm_option_problem(const std::string& type, const std::string& option);
/// The first option that such a realm cannot be without and lacks.
[[nodiscard]] std::optional<std::string> missing_realm_option(const realm& of);

}  // namespace steward::sim
