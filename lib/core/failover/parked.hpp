#pragma once
#include "base/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// The originals of guests that were handed over: their configurations, kept below priv/steward/parked with the names
/// of their volumes (design §3).
namespace steward::failover {

class parked_config {
  public:
    std::string name;  ///< "101.n2.g7": what people call it
    guest_id guest;
    node_name source;  ///< whose it was
    std::uint32_t generation = 0;
    std::string title;  ///< its hostname or name
};

/// From the file's name ("101.n2.g7.conf") and its content; nothing when it is none of ours. Which kind of guest it is
/// only the content tells: a container has a rootfs.
[[nodiscard]] std::optional<parked_config> read_parked(const std::string& file, const std::string& text);

}  // namespace steward::failover
