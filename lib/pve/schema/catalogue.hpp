#pragma once
#include "pve/schema/check.hpp"
#include "pve/schema/schema.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Calls by their path: for the command line, its completion, and the simulator.
namespace steward::pve::schema {

/// A call and the values that a concrete path gives its parameters.
class matched_call {
  public:
    const method* what = nullptr;
    parameters path;  ///< decoded, in the order of the path
};

/// Owns the methods; what it returns points into it. Not changed once made, so any thread may read it.
class catalogue {
  public:
    explicit catalogue(std::vector<method> methods);
    catalogue(catalogue&&) noexcept;
    catalogue& operator=(catalogue&&) noexcept;
    ~catalogue();

    /// The call of a concrete path ("/nodes/n1/lxc/101/config") or of a path with placeholders. Like PVE it decodes
    /// %XX before it looks for slashes, prefers fixed words to placeholders, and lets the last placeholder of
    /// content/{volume} and ipset/{name}/{cidr} take the rest. Calls that `connected` lacks are found when no other
    /// fits.
    [[nodiscard]] std::optional<matched_call> find(std::string_view verb, std::string_view path,
                                                   version connected = {}) const;
    /// The calls of one path in the order GET POST PUT DELETE.
    [[nodiscard]] std::vector<const method*> verbs_at(std::string_view path) const;
    /// What may follow a path: "lxc", "{node}", sorted. Also below folders that have no call of their own.
    [[nodiscard]] std::vector<std::string> children_of(std::string_view path) const;

    [[nodiscard]] const std::vector<method>& methods() const { return methods_; }

  private:
    class node;
    void add(const method& one);

    std::vector<method> methods_;
    std::unique_ptr<node> root_;
};

}  // namespace steward::pve::schema
