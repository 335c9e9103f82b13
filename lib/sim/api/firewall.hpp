#pragma once
#include "sim/api/call.hpp"
#include "sim/model/firewall_file.hpp"
#include "sim/model/firewall_text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <memory>
#include <string>
#include <vector>

/// What the endpoints below …/firewall share (pve-facts H). Private to lib/sim.
namespace steward::sim::api {

/// One firewall file as a call sees it: which it is, what it holds, and how it is changed.
class firewall_place {
  public:
    firewall_place(call& c, firewall_scope of);

    firewall_scope scope;
    std::string path;  ///< below /etc/pve: "firewall/101.fw"
    std::string lock;  ///< below priv/lock: "firewall-vm-101"

    [[nodiscard]] std::shared_ptr<const firewall_file> cluster() const;  ///< null for the cluster's own file
    [[nodiscard]] std::shared_ptr<const firewall_file> read() const;
    /// What [OPTIONS] says now: a test of `enable` that has run out is over.
    [[nodiscard]] std::map<std::string, std::string> options() const;
    /// A copy to change, with those options.
    [[nodiscard]] firewall_file edit() const;
    /// Removes a file that holds nothing any more.
    void write(const firewall_file& changed) const;
    /// Wait for the lock that belongs to the file, and for quorum.
    [[nodiscard]] std::optional<reply> await() const;
    /// Another file than this one, as rules of that scope are read.
    [[nodiscard]] std::shared_ptr<const firewall_file> other(const std::string& at, firewall_scope of) const;

  private:
    call* call_;
};

using firewall_rows = std::vector<std::map<std::string, std::string>>;

/// Each row with the digest of all of them; keys that are numbers in PVE's answers are numbers.
[[nodiscard]] boost::json::array with_digest(const firewall_rows& rows);
[[nodiscard]] boost::json::object firewall_json(const std::map<std::string, std::string>& row);

/// "detected modified configuration - …" when the call names another digest than that of these rows.
[[nodiscard]] std::optional<reply> check_digest(const call& c, const firewall_rows& rows);

/// Networks ask in code, not in the schema: any of these privileges on the network's own path in its zone. Nothing for
/// other scopes.
[[nodiscard]] std::optional<reply> check_vnet(const call& c, firewall_scope of,
                                              const std::vector<std::string>& privileges);

/// name, group … and comment of everything that has one: the rows of a list of sets or groups.
template <typename Named>
[[nodiscard]] firewall_rows named_rows(const std::map<std::string, Named>& all, const char* key) {
    firewall_rows rows;
    for (const auto& [name, what] : all) {
        rows.push_back({{key, name}});
        if (is_perl_true(what.comment)) rows.back()["comment"] = what.comment;
    }
    return rows;
}

/// The same handler for a place of every scope.
template <reply (*Run)(call&, const firewall_place&), firewall_scope Scope>
reply in_firewall(call& c) {
    return Run(c, firewall_place(c, Scope));
}

[[nodiscard]] const std::vector<route>& firewall_group_routes();
[[nodiscard]] const std::vector<route>& firewall_set_routes();
[[nodiscard]] const std::vector<route>& firewall_alias_routes();
[[nodiscard]] const std::vector<route>& firewall_rule_routes();
[[nodiscard]] const std::vector<route>& firewall_option_routes();

}  // namespace steward::sim::api
