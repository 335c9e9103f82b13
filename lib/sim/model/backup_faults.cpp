#include "sim/model/cluster.hpp"
#include "sim/model/faults.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {
namespace {

constexpr const char* usage = "backup G none|missing|corrupt|unreadable|foreign|stale|age D";
constexpr duration stale_age = std::chrono::hours(24) * 60;

fault bad(const std::string& what) { return fault(errc::invalid, "fault command", what); }

class found_archive {
  public:
    found_archive(node_name n, archive a) : node(std::move(n)), what(std::move(a)) {}
    node_name node;
    archive what;
};

/// On whatever storage of whatever node.
std::optional<found_archive> newest_of(const cluster& model, guest_id guest) {
    std::optional<found_archive> newest;
    for (const sim_node& n : model.nodes())
        for (const storage_entry& s : model.storages())
            for (const archive& a : model.archives(s.id, n.name))
                if (a.guest == guest && (!newest || a.created > newest->what.created)) newest.emplace(n.name, a);
    return newest;
}

/// The backup of somebody who had the number before.
void make_foreign(archive& a, cluster& model) {
    guest_config c = guest_config::parse(a.config);
    c.set(a.guest.type == guest_type::ct ? "hostname" : "name", fmt::format("former-{}", a.guest.id.number()));
    c.set("tags", "former");
    const std::string mac = model.new_mac();
    c.set("net0", a.guest.type == guest_type::ct
                      ? fmt::format("name=eth0,bridge=vmbr0,hwaddr={},ip=dhcp,type=veth", mac)
                      : fmt::format("virtio={},bridge=vmbr0", mac));
    a.config = c.text();
}

/// The others go, because the newest counts: whoever reads the list is to see this age and no other.
void make_old(cluster& model, const found_archive& found, time_point when) {
    archive a = found.what;
    a.created = model.wall_at(when);
    const storage_id where = storage_of(a.id);
    model.drop_archives_of(a.guest);
    model.add_archive(where, found.node, std::move(a));
}

}  // namespace

result<std::string> apply_backup_fault(cluster& model, const std::vector<std::string>& w) {
    if (w.size() < 3) return bad(usage);
    const auto g = parse_guest_word(w[1]);
    if (!g) return g.error();
    if (w.size() != (w[2] == "age" ? 4U : 3U)) return bad(usage);
    if (w[2] == "none") {
        model.drop_archives_of(*g);
        return std::string();
    }
    const auto newest = newest_of(model, *g);
    if (!newest) return bad(w[1] + " has no backup");
    if (w[2] == "age") {
        const bool from_the_future = w[3].starts_with("-");
        const auto age = parse_duration(std::string_view(w[3]).substr(from_the_future ? 1 : 0));
        if (!age) return age.error();
        make_old(model, *newest, from_the_future ? model.now() + *age : model.now() - *age);
    } else if (w[2] == "stale") {
        make_old(model, *newest, model.now() - stale_age);
    } else if (w[2] == "missing") {
        model.remove_archive(newest->what.id, newest->node);
    } else if (w[2] == "corrupt" || w[2] == "unreadable" || w[2] == "foreign") {
        model.change_archive(newest->what.id, newest->node, [&](archive& a) {
            if (w[2] == "foreign") return make_foreign(a, model);
            a.damage = w[2] == "corrupt" ? archive_damage::corrupt : archive_damage::unreadable;
        });
    } else {
        return bad(usage);
    }
    return std::string();
}

}  // namespace steward::sim
