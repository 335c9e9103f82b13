#pragma once
#include "model/snapshot.hpp"
#include "pve/client.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Is an archive worth anything? Restored to a free number with its links down, started, asked, and destroyed again.
namespace steward::backup {

class trial_wish {
  public:
    guest_id guest;
    storage_id storage;                        ///< where its disks go; empty: where its first disk was
    std::optional<node_name> node;             ///< nothing: the one with the most memory to spare that can
    duration limit = std::chrono::minutes(5);  ///< from its start until something in it answers
    bool keeps = false;                        ///< the copy stays, to be looked at
};

/// How far a trial came.
enum class trial_end {
    works,
    broken,   ///< the archive: it could not be restored, or what came of it does not work
    refused,  ///< nothing was begun: `text` says what is missing
    stopped,  ///< somebody wanted it to end
    unseen,   ///< PVE could not be asked
};

class trial_report {
  public:
    trial_end end = trial_end::refused;
    std::string text;  ///< for people
    volid archive;
    guest_id copy;  ///< as long as `is_left` it is there
    node_name node;
    bool is_left = false;
    duration restore{};  ///< what the restore took; zero: it did not end well
    duration up{};       ///< from the start until it answered
};

/// Copies carry it as a tag, with the number of the guest that they are of: "steward-verify-101".
inline constexpr const char* trial_tag = "steward-verify-";
/// Whether a guest is such a copy: it is no guest that anybody is to look after.
[[nodiscard]] bool is_trial_copy(const model::guest_row& guest);

class trial {
  public:
    /// `say` is told what is being done, for people.
    trial(pve::client& pve, trial_wish asked, std::function<void(const std::string&)> say)
        : pve_(pve), asked_(std::move(asked)), say_(std::move(say)) {}

    /// Whatever happens, the copy is destroyed before it returns, unless it is to be kept or PVE does not let us.
    [[nodiscard]] boost::asio::awaitable<trial_report> run();
    /// To be called while `run` runs: it comes to its end now, and cleans up.
    [[nodiscard]] boost::asio::awaitable<void> stop();
    /// What is there at the moment, for whoever cannot wait.
    [[nodiscard]] const trial_report& report() const { return report_; }

  private:
    [[nodiscard]] boost::asio::awaitable<bool> prepare();
    [[nodiscard]] boost::asio::awaitable<bool> restore();
    [[nodiscard]] boost::asio::awaitable<bool> isolate();
    [[nodiscard]] boost::asio::awaitable<bool> start();
    [[nodiscard]] boost::asio::awaitable<bool> wait_until_it_answers();
    [[nodiscard]] boost::asio::awaitable<std::string> missing_rights();
    [[nodiscard]] boost::asio::awaitable<void> remember();
    [[nodiscard]] boost::asio::awaitable<result<void>> follow(upid task, duration limit);
    bool ends(trial_end how, std::string text);

    pve::client& pve_;
    trial_wish asked_;
    std::function<void(const std::string&)> say_;
    trial_report report_;
    model::cluster_view view_;
    model::backup archive_;
    model::guest_config inside_;
    std::optional<upid> task_;  ///< what is under way
    bool is_stopped_ = false;
};

/// Destroys a copy. Errors: refused when that guest does not carry the tag; what PVE says.
[[nodiscard]] boost::asio::awaitable<result<void>> destroy_copy(pve::client& pve, node_name node, guest_id copy);

/// Copies that are there: of trials that were killed, or were to be kept.
[[nodiscard]] std::vector<model::guest_row> left_copies(const model::cluster_view& view);

}  // namespace steward::backup
