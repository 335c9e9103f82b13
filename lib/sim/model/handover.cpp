#include "base/sha1.hpp"
#include "sim/model/cluster.hpp"

#include <fmt/core.h>

namespace steward::sim {

namespace {

/// What the old configuration becomes before it is parked, so that nothing starts it whatever happens (reliability
/// §1.3).
std::string frozen(const std::string& original) {
    guest_config c = guest_config::parse(original);
    c.set("lock", "migrate");
    c.set("onboot", "0");
    return c.text();
}

/// "priv/steward/parked/101.n2.g7.orig": the bytes as they were. Kept for ever, like the guard does.
std::string kept_path(const guard::request& what) {
    std::string path = guard::parked_path(what.guest.id, what.source, what.generation);
    path.replace(path.size() - 4, 4, "orig");
    return path;
}

/// The lock first: setting it changes the digest too, and it is the better explanation.
std::optional<fault> reason_against(const guard::request& what, const std::string& text, const char* verb) {
    const std::string home = config_files::path(what.source, what.guest);
    const std::string lock = guest_config::parse(text).get("lock");
    if (!lock.empty() && !what.is_source_gone)
        return fault(errc::locked, verb, fmt::format("{} is locked ({})", to_string(what.guest), lock));
    if (sha1_hex(text) != what.digest) return fault(errc::changed, verb, home + " was changed meanwhile");
    return std::nullopt;
}

}  // namespace

result<std::string> cluster::park(const guard::request& what) {
    const std::string home = config_files::path(what.source, what.guest);
    const std::string parked = guard::parked_path(what.guest.id, what.source, what.generation);
    file_tree& tree = files_.tree();
    // By the guard of its own node, or by another's once that is proven to be down.
    if (!what.is_source_gone && !is_quorate(what.source))
        return fault(errc::no_quorum, "park", "cluster not ready - no quorum?");
    const auto text = tree.read(home);
    const auto original = tree.read(kept_path(what));
    const bool is_ours = original && sha1_hex(*original) == what.digest;
    if (tree.read(parked)) {
        if (is_ours) return parked;
        return fault(errc::exists, "park", parked + " is there already and of another configuration");
    }
    if (!text) return fault(errc::not_found, "park", home + " does not exist");
    // A park that was cut off between its two writes left our own lock behind: go on.
    if (!is_ours || *text != frozen(*original)) {
        if (auto why = reason_against(what, *text, "park")) return *why;
        tree.write(kept_path(what), *text);
        if (what.is_source_gone)
            tree.write(home, frozen(*text));
        else if (const auto written = files_.write(what.source, what.guest, frozen(*text)); !written)
            return written.error();
    }
    if (const auto renamed = files_.rename(home, parked); !renamed) return renamed.error();
    changed();
    return parked;
}

result<void> cluster::unpark(const guard::request& what) {
    const std::string home = config_files::path(what.source, what.guest);
    const std::string parked = guard::parked_path(what.guest.id, what.source, what.generation);
    file_tree& tree = files_.tree();
    if (!is_quorate(what.source)) return fault(errc::no_quorum, "unpark", "cluster not ready - no quorum?");
    const auto original = tree.read(kept_path(what));
    if (!tree.read(parked)) {
        const auto text = tree.read(home);
        if (!text) return fault(errc::not_found, "unpark", parked + " does not exist");
        if (original && *text == frozen(*original)) tree.write(home, *original);  // a park that was cut off
        return {};
    }
    if (!original) return fault(errc::not_found, "unpark", kept_path(what) + " is missing");
    if (const auto owner = files_.find(what.guest.id))
        return fault(errc::exists, "unpark",
                     fmt::format("the vmid is taken by {} on {}", to_string(owner->guest), owner->node.str()));
    tree.write(parked, *original);
    if (const auto renamed = files_.rename(parked, home); !renamed) return renamed.error();
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
    if (auto why = reason_against(what, *text, "relocate")) return *why;
    if (const auto renamed = files_.rename(home, config_files::path(what.target, what.guest)); !renamed)
        return renamed.error();
    changed();
    return {};
}

}  // namespace steward::sim
