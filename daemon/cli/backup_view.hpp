#pragma once
#include "core/backup/retention.hpp"
#include "model/snapshot.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What `steward backup` prints.
namespace steward::cli {

/// A line of `steward backup list`: an archive, or a guest without any.
class listed_archive {
  public:
    guest_id guest;
    std::string name;  ///< of the guest, when it is still there
    bool is_there = false;
    std::optional<model::backup> archive;
};

/// What became of one guest or archive.
class backup_outcome {
  public:
    std::string what;  ///< "ct/101", or a volid
    bool is_good = false;
    std::string text;
};

[[nodiscard]] std::string archives_as_text(const std::vector<listed_archive>& all, wall_time now);
[[nodiscard]] boost::json::array archives_as_json(const std::vector<listed_archive>& all, wall_time now);
[[nodiscard]] std::string judged_as_text(const std::vector<backup::judged_archive>& all, wall_time now);
[[nodiscard]] boost::json::array judged_as_json(const std::vector<backup::judged_archive>& all);
[[nodiscard]] boost::json::array outcomes_as_json(const std::vector<backup_outcome>& all);

/// "512.0 MiB"
[[nodiscard]] std::string describe_bytes(std::uint64_t bytes);
/// Of vzdump's "INFO:  42% (13.4 GiB of 32.0 GiB) in 1m 3s, …" and qmrestore's "progress 42% (read …".
[[nodiscard]] std::optional<int> percent_in(std::string_view log_line);

}  // namespace steward::cli
