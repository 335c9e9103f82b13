#include "sim/model/roles.hpp"

#include <vector>

namespace steward::sim {
namespace {

/// Whom PVE gives a privilege within its area. Each also gets what stands below it.
enum class grade { root, admin, user, audit };

class privilege_fact {
  public:
    const char* area;
    grade least;
    const char* name;
    int since = 0;  ///< major release; 0: all that we know
    int until = 99;
};

using enum grade;

/// The areas make the roles PVE{area}Admin and PVE{area}User.
const privilege_fact facts[] = {
    {"VM", admin, "VM.Allocate"},
    {"VM", admin, "VM.Clone"},
    {"VM", admin, "VM.Config.CPU"},
    {"VM", admin, "VM.Config.Disk"},
    {"VM", admin, "VM.Config.HWType"},
    {"VM", admin, "VM.Config.Memory"},
    {"VM", admin, "VM.Config.Network"},
    {"VM", admin, "VM.Config.Options"},
    {"VM", admin, "VM.GuestAgent.Unrestricted", 9},
    {"VM", admin, "VM.Migrate"},
    {"VM", admin, "VM.Monitor", 0, 8},
    {"VM", admin, "VM.Replicate", 9},
    {"VM", admin, "VM.Snapshot"},
    {"VM", admin, "VM.Snapshot.Rollback"},
    {"VM", user, "VM.Backup"},
    {"VM", user, "VM.Config.CDROM"},
    {"VM", user, "VM.Config.Cloudinit"},
    {"VM", user, "VM.Console"},
    {"VM", user, "VM.GuestAgent.FileRead", 9},
    {"VM", user, "VM.GuestAgent.FileSystemMgmt", 9},
    {"VM", user, "VM.GuestAgent.FileWrite", 9},
    {"VM", user, "VM.PowerMgmt"},
    {"VM", audit, "VM.Audit"},
    {"VM", audit, "VM.GuestAgent.Audit", 9},
    {"Sys", root, "Sys.AccessNetwork", 8},
    {"Sys", root, "Sys.Incoming"},
    {"Sys", root, "Sys.Modify"},
    {"Sys", root, "Sys.PowerMgmt"},
    {"Sys", admin, "Permissions.Modify", 0, 7},
    {"Sys", admin, "Sys.Console"},
    {"Sys", admin, "Sys.Syslog"},
    {"Sys", audit, "Sys.Audit"},
    {"Datastore", admin, "Datastore.Allocate"},
    {"Datastore", admin, "Datastore.AllocateTemplate"},
    {"Datastore", user, "Datastore.AllocateSpace"},
    {"Datastore", audit, "Datastore.Audit"},
    {"SDN", admin, "SDN.Allocate"},
    {"SDN", user, "SDN.Use", 8},
    {"SDN", audit, "SDN.Audit"},
    {"User", root, "Realm.Allocate"},
    {"User", admin, "Group.Allocate"},
    {"User", admin, "Realm.AllocateUser"},
    {"User", admin, "User.Modify"},
    {"Pool", admin, "Pool.Allocate"},
    {"Pool", user, "Pool.Audit"},
    {"Pool", audit, "Pool.Audit"},
    {"Mapping", admin, "Mapping.Modify", 8},
    {"Mapping", user, "Mapping.Use", 8},
    {"Mapping", audit, "Mapping.Audit", 8},
};

class release_facts {
  public:
    explicit release_facts(int major) {
        std::set<std::string> with_users;
        for (const privilege_fact& f : facts)
            if (f.least == user && is_in(f, major)) with_users.insert(f.area);
        all.insert("Permissions.Modify");
        for (const privilege_fact& f : facts) {
            if (!is_in(f, major)) continue;
            all.insert(f.name);
            if (f.least == root) continue;
            roles[std::string("PVE") + f.area + "Admin"].insert(f.name);
            roles["PVEAdmin"].insert(f.name);
            if (f.least != admin && with_users.count(f.area) != 0)
                roles[std::string("PVE") + f.area + "User"].insert(f.name);
            if (f.least == audit) roles["PVEAuditor"].insert(f.name);
        }
        // Mapped hardware reaches the host: PVEAdmin may use it, not define it.
        roles["PVEAdmin"].erase("Mapping.Modify");
        roles["PVETemplateUser"] = {"VM.Audit", "VM.Clone"};
        roles["Administrator"] = all;
        roles[no_access] = {};
    }

    privilege_set all;
    role_map roles;

  private:
    static bool is_in(const privilege_fact& f, int major) { return major >= f.since && major <= f.until; }
};

const release_facts& facts_of(pve::schema::version release) {
    static const release_facts seven(7);
    static const release_facts eight(8);
    static const release_facts nine(9);
    if (release.major <= 7) return seven;
    return release.major == 8 ? eight : nine;
}

}  // namespace

const privilege_set& privileges_of(pve::schema::version release) { return facts_of(release).all; }

const role_map& built_in_roles(pve::schema::version release) { return facts_of(release).roles; }

}  // namespace steward::sim
