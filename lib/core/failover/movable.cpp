#include "core/failover/movable.hpp"

#include "core/failover/guest_disks.hpp"

#include <fmt/core.h>

namespace steward::failover {
namespace {

refusal not_movable(std::string text, std::string release) {
    return refusal{"not_movable", std::move(text), std::move(release), {}, false, {}};
}

}  // namespace

std::optional<refusal> tied_to_its_node(const facts& seen) {
    const std::string name = to_string(seen.guest);
    for (const disk& d : disks_of(seen.guest.type, *seen.config))
        if (d.volume.starts_with('/'))
            return not_movable(fmt::format("{} has a bind mount or device ({}: {}) that exists only on its node", name,
                                           d.key, d.volume),
                               "move that data to a storage");
    for (const auto& [key, value] : seen.config->values)
        if (key.starts_with("hostpci") || (key.starts_with("usb") && value.find("host=") != std::string::npos))
            return not_movable(fmt::format("{} uses a device of its node ({}: {})", name, key, value),
                               "remove the pass-through device");
    return std::nullopt;
}

}  // namespace steward::failover
