#pragma once
#include "core/failover/plan.hpp"

#include <string>
#include <vector>

/// What a preflight would read of a cluster in which all is well.
namespace steward::failover {

using namespace std::chrono_literals;

inline constexpr guest_id ct101{guest_type::ct, vmid(101)};
inline const wall_time now{std::chrono::seconds(1'800'000'000)};

inline model::storage_row storage(const char* node, const char* id, bool shared, std::vector<std::string> content) {
    model::storage_row s;
    s.id = storage_id(id);
    s.node = node_name(node);
    s.shared = shared;
    s.available = true;
    s.content = std::move(content);
    s.free_bytes = 100ULL << 30U;
    return s;
}

inline model::backup archive(const char* volume, duration age) {
    model::backup b;
    b.volume = volid(volume);
    b.guest = ct101;
    b.created = now - std::chrono::duration_cast<std::chrono::seconds>(age);
    b.bytes = 1000;
    return b;
}

/// ct/101 on n1 of n1…n3, one good backup of an hour ago, everything allowed.
inline facts good_facts() {
    facts f;
    f.guest = ct101;
    f.now = now;
    model::cluster_view view;
    view.is_quorate = true;
    for (const char* n : {"n1", "n2", "n3"}) {
        view.nodes[node_name(n)] = {node_name(n), true, 8ULL << 30U};
        view.storages.push_back(storage(n, "local-lvm", false, {"rootdir", "images"}));
        view.storages.push_back(storage(n, "nfs", true, {"rootdir", "images"}));
        view.storages.push_back(storage(n, "backup", true, {"backup"}));
    }
    model::guest_row row;
    row.id = ct101;
    row.node = node_name("n1");
    row.status = model::run_state::running;
    row.tags = {"steward-g3", "web"};
    row.max_memory = 512U << 20U;
    view.guests[ct101] = row;
    f.view = view;
    f.status = model::guest_status{model::run_state::running, "", "", false, 1h};
    model::guest_config config;
    config.digest = std::string(40, 'a');
    config.values = {
        {"hostname", "web"}, {"rootfs", "local-lvm:vm-101-disk-0,size=8G"}, {"net0", "name=eth0,bridge=vmbr0"}};
    f.config = config;
    f.backups = {archive("backup:backup/new", 1h)};
    for (const char* v : {"backup:backup/new", "backup:backup/old"}) f.archived[volid(v)] = config;
    for (const char* p : {"/vms/101", "/storage/local-lvm", "/storage/backup", "/sdn/zones/localnetwork/vmbr0"})
        f.privileges[p] = {"VM.Audit",  "VM.PowerMgmt",      "VM.Allocate",
                           "VM.Backup", "VM.Config.Options", "Datastore.AllocateSpace",
                           "SDN.Use"};
    return f;
}

/// The same, but n1 has gone ten minutes ago and must have been reset since.
inline facts facts_of_dead_node() {
    facts f = good_facts();
    f.view->nodes[node_name("n1")].online = false;
    f.status.reset();
    fencing::evidence e;
    e.node = node_name("n1");
    e.gone_for = 10min;
    e.silence = 10min;
    e.lease.emplace();
    e.lease->node = e.node;
    e.lease->boot_id = "boot-1";
    e.lease->promise = lease::contract::watchdog;
    f.source = e;
    return f;
}

}  // namespace steward::failover
