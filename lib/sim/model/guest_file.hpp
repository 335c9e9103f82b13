#pragma once
#include "sim/model/config_files.hpp"

#include <map>
#include <string>
#include <string_view>

namespace steward::sim {

/// A guest's whole configuration file: what is in force, what waits for the next start, and the snapshots, each a
/// configuration of its own (pve-facts F.4).
class guest_file {
  public:
    explicit guest_file(guest_type kind) : type(kind) {}
    [[nodiscard]] static guest_file parse(guest_type type, std::string_view text);
    [[nodiscard]] std::string text() const;

    guest_type type;
    guest_config now;
    guest_config pending;  ///< with the key `delete` for options that go away: "cores,net1"
    std::map<std::string, guest_config> snapshots;
};

/// "#hello\n#a%3Ab\n" → "hello\na:b\n": a description as the API gives it.
[[nodiscard]] std::string decoded_description(const std::string& lines);
/// The inverse: each line with its '#'; control characters, ':' and all beyond ASCII percent-encoded.
[[nodiscard]] std::string encoded_description(const std::string& text);

/// A comma list of "key=value", in its order; the first word may stand without a key and has an empty one then.
class property_list {
  public:
    property_list() = default;
    explicit property_list(std::string_view text);
    [[nodiscard]] std::string get(const std::string& key) const;  ///< "" when missing
    [[nodiscard]] bool has(const std::string& key) const;
    void set(const std::string& key, const std::string& value);
    void erase(const std::string& key);
    /// As PVE prints them: the bare word, then the `first` ones, then the others by name.
    [[nodiscard]] std::string text(const std::vector<std::string>& first = {}) const;

    std::vector<std::pair<std::string, std::string>> pairs;
};

}  // namespace steward::sim
