#include "base/sha1.hpp"
#include "sim/cluster.hpp"

#include <fmt/core.h>

namespace steward::sim {

namespace {

/// What the old configuration becomes before it is parked, so that nothing starts it whatever happens (reliability §1.3).
std::string frozen(const std::string& original) {
    guest_config c = guest_config::parse(original);
    c.set("lock", "migrate");
    c.set("onboot", "0");
    return c.text();
}

}  // namespace

result<std::string> cluster::park(const guard::request& what) {
    const std::string home = config_files::path(what.source, what.guest);
    const std::string parked = guard::parked_path(what.guest.id, what.source, what.generation);
    file_tree& tree = files_.tree();
    const auto text = tree.read(home);
    const auto original = tree.read(parked + ".orig");
    if (tree.read(parked) && original && sha1_hex(*original) == what.digest) return parked;
    if (!is_quorate(what.source)) return fault(errc::no_quorum, "park", "cluster not ready - no quorum?");
    if (!text) return fault(errc::not_found, "park", home + " does not exist");
    // A park that was cut off between its two writes left our own lock behind: go on.
    const bool resumed = original && sha1_hex(*original) == what.digest && *text == frozen(*original);
    if (!resumed) {
        if (sha1_hex(*text) != what.digest) return fault(errc::changed, "park", home + " was changed meanwhile");
        if (const std::string lock = guest_config::parse(*text).get("lock"); !lock.empty())
            return fault(errc::locked, "park", fmt::format("locked ({})", lock));
        tree.write(parked + ".orig", *text);
        if (const auto written = files_.write(what.source, what.guest, frozen(*text)); !written) return written.error();
    }
    if (const auto renamed = files_.rename(home, parked); !renamed) return renamed.error();
    changed();
    return parked;
}

result<void> cluster::unpark(const guard::request& what) {
    const std::string home = config_files::path(what.source, what.guest);
    const std::string parked = guard::parked_path(what.guest.id, what.source, what.generation);
    file_tree& tree = files_.tree();
    const auto owner = files_.find(what.guest.id);
    if (!tree.read(parked)) {
        if (owner && owner->node == what.source) return {};
        return fault(errc::not_found, "unpark", parked + " does not exist");
    }
    if (!is_quorate(what.source)) return fault(errc::no_quorum, "unpark", "cluster not ready - no quorum?");
    if (owner)
        return fault(errc::exists, "unpark", fmt::format("{} is on node '{}' now", to_string(owner->guest), owner->node.str()));
    if (const auto original = tree.read(parked + ".orig")) tree.write(parked, *original);
    if (const auto renamed = files_.rename(parked, home); !renamed) return renamed.error();
    tree.remove(parked + ".orig");
    changed();
    return {};
}

result<void> cluster::relocate(const guard::request& what) {
    const auto owner = files_.find(what.guest.id);
    if (owner && owner->node == what.target && owner->guest == what.guest) return {};
    if (!is_quorate(what.target)) return fault(errc::no_quorum, "relocate", "cluster not ready - no quorum?");
    const std::string home = config_files::path(what.source, what.guest);
    const auto text = files_.read(what.source, what.guest);
    if (!text) return fault(errc::not_found, "relocate", home + " does not exist");
    if (sha1_hex(*text) != what.digest) return fault(errc::changed, "relocate", home + " was changed meanwhile");
    if (const std::string lock = guest_config::parse(*text).get("lock"); !lock.empty())
        return fault(errc::locked, "relocate", fmt::format("locked ({})", lock));
    if (const auto renamed = files_.rename(home, config_files::path(what.target, what.guest)); !renamed)
        return renamed.error();
    changed();
    return {};
}

}  // namespace steward::sim
