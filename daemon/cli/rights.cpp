#include "rights.hpp"

#include "pve/login.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::cli {
namespace {

struct role {
    const char* name;
    const char* privileges;
};

/// As in the README, "A user, a token and the least role".
role role_for(const std::string& path, bool is_target) {
    if (path.starts_with("/vms"))
        return {"StewardGuests", "VM.Audit VM.PowerMgmt VM.Backup VM.Allocate VM.Config.Options VM.Migrate"};
    if (path.starts_with("/storage/") && is_target)
        return {"StewardTarget", "Datastore.Audit Datastore.AllocateSpace Datastore.Allocate"};
    if (path.starts_with("/storage")) return {"StewardStorage", "Datastore.Audit Datastore.AllocateSpace"};
    if (path.starts_with("/sdn")) return {"StewardNetwork", "SDN.Use"};
    return {"StewardAudit", "Sys.Audit"};
}

/// "--users steward@pve --tokens 'steward@pve!failover'"
std::string who_text(const pve::credential_files& files) {
    const auto read = pve::read_credentials(files);
    const std::string own = read ? pve::own_user(*read) : "USER@REALM";
    const std::size_t mark = own.find('!');
    if (mark == std::string::npos) return "--users " + own;
    return fmt::format("--users {} --tokens '{}'", own.substr(0, mark), own);
}

}  // namespace

std::vector<lacking_right> lacking(const std::vector<wanted_right>& wanted, const pve::held_rights& held) {
    std::vector<lacking_right> out;
    for (const wanted_right& w : wanted) {
        const std::set<std::string> here = held.on(w.path);
        lacking_right l;
        l.path = w.path;
        l.used_for = w.used_for;
        l.is_needed = w.is_needed;
        for (const std::string& p : w.privileges)
            if (here.count(p) == 0) l.privileges.insert(p);
        if (!l.privileges.empty()) out.push_back(std::move(l));
    }
    return out;
}

bool sees_guests(const pve::held_rights& held) {
    return std::any_of(held.listed.begin(), held.listed.end(), [](const auto& row) {
        return (row.first == "/" || row.first.starts_with("/vms") || row.first.starts_with("/pool")) &&
               row.second.count("VM.Audit") > 0;
    });
}

std::string fix_lines(const pve::credential_files& who, const std::string& path, bool is_target) {
    const role r = role_for(path, is_target);
    return fmt::format(
        "    pveum role add {0} --privs \"{1}\" || pveum role modify {0} --privs \"{1}\"\n"
        "    pveum acl modify {2} {3} --roles {0}\n",
        r.name, r.privileges, path, who_text(who));
}

}  // namespace steward::cli
