#include "sim/model/cluster.hpp"
#include "sim/model/faults.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {
namespace {

constexpr const char* usage =
    "backup G none|missing|corrupt|unreadable|foreign|stale|age D|encrypted-nokey @ N,…|prune chosen|"
    "newest=incomplete second=ok";
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

/// One more, which somebody has begun to write and not ended; those that are there become the second, third …
void begin_one_more(cluster& model, const found_archive& newest) {
    archive a = newest.what;
    const storage_id where = storage_of(a.id);
    a.created = model.wall_now();
    a.bytes = 1;
    a.damage = archive_damage::incomplete;
    model.add_archive(where, newest.node, std::move(a));
}

/// All are encrypted, and those nodes have not got the key.
result<std::string> take_key(cluster& model, guest_id guest, const std::vector<std::string>& w) {
    if (w.size() != 5 || w[3] != "@") return bad(usage);
    guest_fault f(guest, "nokey");
    for (std::size_t begin = 0; begin < w[4].size();) {
        const std::size_t end = std::min(w[4].find(',', begin), w[4].size());
        f.nodes.emplace_back(w[4].substr(begin, end - begin));
        if (model.find_node(f.nodes.back()) == nullptr) return bad("no node " + f.nodes.back().str());
        begin = end + 1;
    }
    for (const sim_node& n : model.nodes())
        for (const storage_entry& s : model.storages())
            for (const archive& a : model.archives(s.id, n.name))
                if (a.guest == guest) model.change_archive(a.id, n.name, [](archive& b) { b.is_encrypted = true; });
    model.faults().guests.push_back(std::move(f));
    return std::string();
}

/// What has more than one word behind the guest; nothing: it is none of these.
std::optional<result<std::string>> longer_fault(cluster& model, guest_id guest, const std::vector<std::string>& w) {
    if (w[2] == "encrypted-nokey") return take_key(model, guest, w);
    const bool is_prune = w.size() == 4 && w[2] == "prune" && w[3] == "chosen";
    const bool is_begun = w.size() == 4 && w[2] == "newest=incomplete" && w[3] == "second=ok";
    if (!is_prune && !is_begun) return std::nullopt;
    const auto newest = newest_of(model, guest);
    if (!newest) return bad(w[1] + " has no backup");
    if (is_begun)
        begin_one_more(model, *newest);
    else if (!newest->what.is_protected)
        model.remove_archive(newest->what.id, newest->node);
    return result<std::string>(std::string());
}

}  // namespace

result<std::string> apply_backup_fault(cluster& model, const std::vector<std::string>& w) {
    if (w.size() < 3) return bad(usage);
    const auto g = parse_guest_word(w[1]);
    if (!g) return g.error();
    if (const auto done = longer_fault(model, *g, w)) return *done;
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
