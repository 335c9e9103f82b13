#pragma once
#include "core/failover/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What would become of guests if their node died this moment: said before any disaster, from what is there.
namespace steward::failover {

/// A restore that ended well: how long it took, and how large its archive was.
class measured_restore {
  public:
    guest_id guest;
    node_name target;
    std::uint64_t bytes = 0;
    duration took{};
};

/// What restores took here before.
class restore_speed {
  public:
    void add(measured_restore r) { all_.push_back(std::move(r)); }
    [[nodiscard]] bool is_known() const { return !all_.empty(); }
    /// For an archive of so many bytes: as the same guest's last restores, else as those on that node, else as any.
    /// The median speed of them. Nothing: none was ever seen.
    [[nodiscard]] std::optional<duration> takes(guest_id guest, const node_name& target, std::uint64_t bytes) const;

  private:
    std::vector<measured_restore> all_;
};

/// One guest's.
class forecast {
  public:
    guest_id guest;
    std::string name;
    node_name node;
    bool is_managed = false;  ///< by Steward: nobody else brings it back by itself
    bool is_running = false;
    std::optional<strategy> how;   ///< nothing: it stays down
    node_name target;              ///< where it comes back
    std::optional<volid> archive;  ///< from what
    model::archive_stamp archive_stamp;
    std::optional<duration> loses;    ///< data: the age of that archive; zero when its disks are shared
    std::optional<duration> restore;  ///< what the restore alone takes; nothing: never measured here
    std::optional<duration> takes;    ///< from the death of its node until it runs again; nothing: not known
    std::string lacks;                ///< what our token may not do yet: this could happen, but not by it
    std::string code;                 ///< why it stays down: that of the hold
    std::string text;                 ///< for people
    std::string release;              ///< what would change it
    std::vector<rejected> rejections;
};

/// From the death of a node until it is proven dead by its silence (waitout), and until a started guest counts as up.
inline constexpr duration until_proven = fencing::timing::take;
inline constexpr duration until_up = std::chrono::seconds(10);

/// A node that dies as completely as one can: nobody sees it, and it is proven down.
[[nodiscard]] fencing::evidence assumed_dead(const node_name& node);

/// `seen` is what is there, with the guest's node taken for dead: offline in its view, `assumed_dead` its source.
[[nodiscard]] forecast foretell(const facts& seen, const policy& rules, const restore_speed& measured);

/// All guests of one node in the order in which they are brought back: when each of them runs again, with as many
/// restores at once as `traffic` lets through, and one per target.
void queue_restores(std::vector<forecast>& of_one_node);

/// "restored on n2 from a backup that is 3h old"
[[nodiscard]] std::string describe(const plan& p, wall_time now);

}  // namespace steward::failover
