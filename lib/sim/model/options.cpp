#include "sim/model/options.hpp"

#include "base/sha1.hpp"

#include <fmt/core.h>

namespace steward::sim {
namespace {

/// pve-facts K, "Failover".
std::vector<role_options> failover_roles() {
    using privileges = std::set<std::string>;
    return {{"StewardNodes", privileges{"Sys.Audit"}},
            {"StewardGuests",
             privileges{"VM.Audit", "VM.PowerMgmt", "VM.Backup", "VM.Allocate", "VM.Config.Options", "VM.Migrate"}},
            {"StewardBridges", privileges{"SDN.Use"}},
            {"StewardStorage", privileges{"Datastore.Audit", "Datastore.AllocateSpace"}},
            {"StewardTarget", privileges{"Datastore.Audit", "Datastore.AllocateSpace", "Datastore.Allocate"}}};
}

/// The token is privilege-separated, so user and token need the same entries.
std::vector<acl_entry> failover_acl(const std::vector<storage_options>& storages) {
    std::vector<acl_entry> acl;
    for (const std::string& who : {std::string("steward@pve"), std::string(failover_token_id)}) {
        acl.emplace_back("/", who, "StewardNodes");
        acl.emplace_back("/vms", who, "StewardGuests");
        acl.emplace_back("/sdn/zones/localnetwork", who, "StewardBridges");
        for (const storage_options& s : storages)
            acl.emplace_back("/storage/" + s.id.str(), who, s.shared ? "StewardStorage" : "StewardTarget");
    }
    return acl;
}

}  // namespace

std::string full_version(pve::schema::version release) {
    if (release.major == 7) return fmt::format("{}-17", to_string(release));
    return fmt::format("{}.1", to_string(release));
}

std::string repository_id(pve::schema::version release) {
    if (release == pve::schema::version(8, 4)) return "2a5fa54a8503f96d";
    return sha1_hex(full_version(release)).substr(0, release.major == 7 ? 8 : 16);
}

options make_options(int nodes, std::vector<guest_options> guests) {
    options o;
    for (int i = 1; i <= nodes; ++i) o.nodes.emplace_back(fmt::format("n{}", i));
    o.guests = std::move(guests);
    o.storages.emplace_back(storage_id("backup"), "nfs", std::vector<std::string>{"backup"}, true);
    o.storages.emplace_back(storage_id("local"), "dir",
                            std::vector<std::string>{"vztmpl", "iso", "backup", "rootdir", "images", "snippets"},
                            false);
    o.storages.emplace_back(storage_id("local-lvm"), "lvmthin", std::vector<std::string>{"rootdir", "images"}, false);
    o.storages.emplace_back(storage_id("nfs-vm"), "nfs", std::vector<std::string>{"rootdir", "images"}, true);
    o.stored_files.emplace_back(volid("local:vztmpl/alpine-3.19-default_20240207_amd64.tar.xz"), 3234916);
    o.stored_files.emplace_back(volid("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"), 126129049);
    o.stored_files.emplace_back(volid("local:iso/debian-12.7.0-amd64-netinst.iso"), 662700032);
    o.users.emplace_back("root@pam", "simulated");
    o.users.emplace_back("steward@pve", "simulated");
    o.tokens.emplace_back(failover_token_id, failover_token_secret, true);
    o.roles = failover_roles();
    o.acl = failover_acl(o.storages);
    return o;
}

std::vector<guest_options> many_guests(std::size_t count, const std::vector<node_name>& nodes) {
    std::vector<guest_options> guests;
    guests.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const guest_type type = i % 4 == 3 ? guest_type::vm : guest_type::ct;
        guest_options g(guest_id(type, vmid(static_cast<std::uint32_t>(100 + i))), nodes[i % nodes.size()]);
        g.running = i % 5 != 4;
        g.has_service = false;
        if (i % 7 == 0) g.tags = "batch;web";
        guests.push_back(std::move(g));
    }
    return guests;
}

result<guest_id> parse_guest_word(std::string_view text) {
    std::string_view digits = text;
    guest_type type = guest_type::ct;
    if (text.substr(0, 2) == "vm")
        type = guest_type::vm;
    else if (text.substr(0, 2) != "ct")
        return fault(errc::invalid, "guest", fmt::format("\"{}\" is not a guest (like ct101 or vm103)", text));
    digits.remove_prefix(2);
    if (!digits.empty() && digits.front() == '/') digits.remove_prefix(1);
    const auto id = parse_vmid(digits);
    if (!id) return id.error();
    return guest_id(type, *id);
}

result<guest_options> parse_guest_options(std::string_view text) {
    const std::size_t at = text.find('@');
    if (at == std::string_view::npos)
        return fault(errc::invalid, "guest", fmt::format("\"{}\" names no node (like ct101@n1)", text));
    const auto guest = parse_guest_word(text.substr(0, at));
    if (!guest) return guest.error();
    std::string_view rest = text.substr(at + 1);
    const std::size_t colon = rest.find(':');
    const auto node = parse_node_name(rest.substr(0, colon));
    if (!node) return node.error();
    guest_options o(*guest, *node);
    if (colon != std::string_view::npos) {
        const auto storage = parse_storage_id(rest.substr(colon + 1));
        if (!storage) return storage.error();
        o.storage = *storage;
    }
    return o;
}

}  // namespace steward::sim
