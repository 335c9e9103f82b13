#include "core/failover/parked.hpp"

#include "core/handover/config_text.hpp"
#include "core/handover/handover.hpp"

namespace steward::failover {

std::optional<parked_config> read_parked(const std::string& file, const std::string& text) {
    const auto parts = handover::parse_parked_name(file);
    if (!parts) return std::nullopt;
    parked_config p;
    p.name = file.substr(0, file.rfind('.'));
    const bool is_container = handover::head_value(text, "rootfs").has_value();
    p.guest = guest_id(is_container ? guest_type::ct : guest_type::vm, parts->id);
    p.source = parts->source;
    p.generation = parts->generation;
    p.title = handover::head_value(text, is_container ? "hostname" : "name").value_or("");
    return p;
}

}  // namespace steward::failover
