#pragma once
#include "base/time.hpp"
#include "core/backup/archives.hpp"
#include "model/snapshot.hpp"

#include <optional>
#include <string>
#include <vector>

/// Which archives of a guest stay and which may go. Pure.
namespace steward::backup {

class keep_rules {
  public:
    int newest = 0;                  ///< so many good ones stay
    std::optional<duration> within;  ///< and all that are younger
};

class judged_archive {
  public:
    model::backup archive;
    bool goes = false;
    std::string why;  ///< for people
};

/// Of one guest, newest first. What is protected stays, and so does the newest good one whatever the rules say: a guest
/// is never left without an archive that it had. One that is not good counts for nothing and goes by its age alone.
[[nodiscard]] std::vector<judged_archive> judge(std::vector<model::backup> of_one_guest, const keep_rules& rules,
                                                wall_time now);

/// Whether that archive is the only good one among them: removing it would leave the guest with nothing.
[[nodiscard]] bool is_last_good(const std::vector<model::backup>& of_one_guest, const volid& archive);

}  // namespace steward::backup
