#pragma once
#include "pve/schema/schema.hpp"

#include <boost/json/value.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace steward::pve::schema {

/// What evolution.json knows about releases of which there is no dump: when something came, went or changed.
class evolution {
  public:
    class change {
      public:
        version at;
        std::string name;  ///< "net[n]", "net[n]~bridge"; empty: the method itself
        std::string what;  ///< the dump's key: "maximum", "enum"
        boost::json::value from;
        boost::json::value to;
        std::vector<std::string> added;  ///< enum
        std::vector<std::string> removed;
    };
    /// Of one URL and verb, whatever its parameters were called.
    class history {
      public:
        std::vector<versions> lives;  ///< one for each spelling of the path
        std::map<std::string, versions, std::less<>> parameters;
        std::map<std::string, versions, std::less<>> results;
        std::vector<change> changes;  ///< by version
    };

    /// Errors: garbage.
    [[nodiscard]] static result<evolution> read(std::string_view text);

    /// Every release it was computed from, ascending.
    [[nodiscard]] const std::vector<version>& releases() const { return releases_; }
    /// What it says about a method; an empty history if that never changed.
    [[nodiscard]] const history& of(const method& what) const;

  private:
    std::vector<version> releases_;
    std::map<std::string, history, std::less<>> methods_;  // by verb and shape of the URL
};

}  // namespace steward::pve::schema
