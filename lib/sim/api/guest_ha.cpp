#include "sim/api/guest_api.hpp"

/// What becomes of ordinary calls on guests that HA manages (pve-facts I.4).
namespace steward::sim::api {

bool is_ha_managed(const call& c, guest_id guest) { return c.model.ha().is_managed(c.at, guest); }

std::string request_ha_start(call& c, guest_id guest) { return c.model.ha().begin_start(c.node, guest, c.who.name()); }

std::string request_ha_stop(call& c, guest_id guest, duration timeout) {
    return c.model.ha().begin_stop(c.node, guest, c.who.name(), timeout);
}

std::string request_ha_migration(call& c, guest_id guest, const node_name& target) {
    return c.model.ha().begin_migrate(c.node, guest, c.who.name(), target);
}

void remove_from_ha(call& c, guest_id guest) { c.model.ha().remove(guest); }

}  // namespace steward::sim::api
