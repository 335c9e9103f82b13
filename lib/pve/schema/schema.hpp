#pragma once
#include "base/result.hpp"

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// PVE's API as data: what a call is named, what it takes, what it gives, and since when. Read from text
/// (facts_text.hpp), used to generate the typed API, to check requests and to describe calls to people.
namespace steward::pve::schema {

/// A release of Proxmox VE: "8.4". The zero value means "not known" or "no bound".
class version {
  public:
    constexpr version() = default;
    constexpr version(int major_number, int minor_number) : major(major_number), minor(minor_number) {}
    [[nodiscard]] constexpr bool is_known() const { return major != 0; }
    auto operator<=>(const version&) const = default;
    int major = 0;
    int minor = 0;
};
/// "8.4", "8.4.1", "9.0~beta1" → major and minor. Errors: invalid.
[[nodiscard]] result<version> parse_version(std::string_view text);
[[nodiscard]] std::string to_string(version v);

/// From `since` to `until`, both included; an unknown end is open.
class versions {
  public:
    version since;
    version until;
    /// An unknown version is inside every range: nothing is refused before the server has said who it is.
    [[nodiscard]] bool contains(version v) const;
    bool operator==(const versions&) const = default;
};

enum class value_type { string, integer, number, boolean, array, object, null, any };
[[nodiscard]] const char* name_of(value_type type);

/// "since 8.1", "until 8.4", "8.1 to 9.0"; empty when unbounded.
[[nodiscard]] std::string to_string(const versions& when);

/// One parameter, one key of a property string, one field of a result, or the element of an array, as it is in a range
/// of versions. What changed between versions stands as several neighbours of one name with disjoint `when`; what
/// depends on another parameter (SDN fabrics: `type_property`) as several neighbours with different `only_for`.
class value {
  public:
    std::string name;          ///< as on the wire; "net" for net0, net1, …; empty for an array's element and a result
    bool is_indexed = false;   ///< net[n]: one key per index, "net0"
    unsigned index_count = 0;  ///< indices are below this; 0: not known
    value_type type = value_type::any;
    bool is_optional = false;
    versions when;
    std::optional<std::string> default_text;  ///< documentation; never sent (sdk.md §0.4)
    std::optional<double> minimum;
    std::optional<double> maximum;
    std::optional<std::size_t> min_length;
    std::optional<std::size_t> max_length;
    std::string pattern;                     ///< Perl's, matched as ^pattern$
    std::string format;                      ///< name of a format: "pve-node", "pve-vmid-list"
    std::vector<std::string> choices;        ///< enum
    std::vector<std::string> required_with;  ///< parameters without which this one is refused ("requires")
    bool is_default_key = false;             ///< property string: may stand first without "key="
    std::string alias;                       ///< property string: another name of this key
    std::string key_alias;                   ///< with `alias`: the key itself is the value of that key (net model)
    std::string unit;                        ///< format_description: "mbps", "DiskSize"
    std::string renderer;                    ///< "bytes", "timestamp", "duration"
    std::string type_property;               ///< the parameter whose value decides whether this one may be given …
    std::vector<std::string> only_for;       ///< … and the values that allow it
    /// Keys of a property string (type string), fields of an object, or the single element of an array.
    std::vector<value> members;
    bool has_members = false;  ///< an object with no declared fields at all is free-form
    bool is_open = false;      ///< fields beyond the declared ones are allowed ("additionalProperties")
    std::vector<value> rest;   ///< what those look like, when that is declared: at most one

    [[nodiscard]] bool is_property_string() const { return type == value_type::string && has_members; }
};

/// Who may call: PVE's own expression as compact JSON (["perm","/vms/{vmid}",["VM.Audit"]]), or the words "all" (any
/// user), "world" (nobody needs to log in), "code" (decided by the call itself), "root" (root@pam only).
class permission {
  public:
    std::string rule;
    versions when;
};

class method {
  public:
    std::string verb;  ///< GET POST PUT DELETE
    std::string path;  ///< "/nodes/{node}/lxc/{vmid}"
    std::string name;  ///< PVE's own, not unique: "vm_status"
    versions when;
    bool is_protected = false;  ///< runs as root in pvedaemon
    bool is_proxied = false;    ///< runs on the node that the path (or the call's code) names
    bool allows_token = true;
    bool accepts_more = false;  ///< unknown parameters are allowed
    bool is_download = false;   ///< may answer with a stream instead of JSON
    std::vector<permission> permissions;
    std::vector<value> parameters;  ///< those of the path included
    std::vector<value> returns;     ///< one for each range of versions; none: not declared
};

/// The alternatives named `name` among `of` that exist in `v`: none, one, or several that depend on a type property.
/// "net3" finds the indexed "net". `index` gets the number, when there is one.
[[nodiscard]] std::vector<const value*> find_values(const std::vector<value>& of, std::string_view name, version v,
                                                    unsigned* index = nullptr);

/// The names between braces: {"node", "vmid"}.
[[nodiscard]] std::vector<std::string> path_parameters(std::string_view path);

}  // namespace steward::pve::schema
