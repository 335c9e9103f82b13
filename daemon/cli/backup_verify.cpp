#include "backup_verify.hpp"

#include "api_exit.hpp"
#include "cluster_options.hpp"
#include "model/selector.hpp"
#include "output.hpp"
#include "pve/client.hpp"
#include "pve/connection.hpp"
#include "runtime/task_group.hpp"
#include "services/backup/trial.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <csignal>
#include <fmt/core.h>
#include <iostream>
#include <unistd.h>

namespace steward::cli {
namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;
using backup::trial_end;
using backup::trial_report;

namespace {

class verify_call {
  public:
    model::selector guests;
    backup::trial_wish how;  ///< but for the guest
    bool cleans_up = false;
    arguments given;
};

const char* word_for(trial_end e) {
    switch (e) {
        case trial_end::works: return "works";
        case trial_end::broken: return "BROKEN";
        case trial_end::refused: return "refused";
        case trial_end::stopped: return "stopped";
        case trial_end::unseen: break;
    }
    return "unknown";
}

int exit_code_of(const trial_report& r) {
    if (r.end == trial_end::works) return 0;
    if (r.is_left || r.end == trial_end::broken || r.end == trial_end::stopped) return 1;
    return r.end == trial_end::refused ? 2 : 3;
}

json::object as_json(guest_id guest, const trial_report& r) {
    const auto seconds = [](duration d) { return std::chrono::duration<double>(d).count(); };
    return {{"guest", to_string(guest)},
            {"result", r.end == trial_end::broken ? "broken" : word_for(r.end)},
            {"text", r.text},
            {"archive", r.archive.str()},
            {"copy", r.copy.id.number() == 0 ? json::value() : json::value(to_string(r.copy))},
            {"node", r.node.str()},
            {"left_behind", r.is_left},
            {"restore_s", seconds(r.restore)},
            {"up_after_s", seconds(r.up)}};
}

class verify_run {
  public:
    verify_run(pve::connection& cluster, verify_call call)
        : pve_(cluster.wire(), cluster.session().time(), 30s),
          call_(std::move(call)),
          signals_(cluster.loop(), SIGINT, SIGTERM),
          listening_(cluster.loop().get_executor()) {}

    asio::awaitable<int> run() {
        auto view = co_await pve_.look();
        if (!view) co_return complain(view.error());
        view_ = std::move(*view);
        if (const std::string idle = call_.guests.idle_word(view_); !call_.cleans_up && !idle.empty())
            co_return refuse_usage(
                fmt::format("\"{}\" speaks of no guest that is there, or that the token may see", idle));
        listening_.spawn("signals", listen());
        int status = 0;
        if (call_.cleans_up)
            status = co_await clean_up();
        else
            status = co_await try_all();
        listening_.cancel();
        co_await listening_.join();
        if (!is_for_people()) print_answer(call_.given, results_, "");
        co_return status;
    }

  private:
    [[nodiscard]] bool is_for_people() const { return cli::is_for_people(call_.given); }

    /// The first time it is cleaned up; whoever cannot wait for that is told what he leaves.
    asio::awaitable<void> listen() {
        for (;;) {
            boost::system::error_code ec;
            co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
            if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
            if (is_stopped_) leave_at_once();
            is_stopped_ = true;
            std::cerr << "steward: interrupted; cleaning up (once more: leave at once)\n" << std::flush;
            if (now_ != nullptr) co_await now_->stop();
        }
    }

    [[noreturn]] void leave_at_once() const {
        if (now_ != nullptr && now_->report().is_left)
            std::cerr << fmt::format("steward: left behind: {} on {}; steward backup verify --cleanup destroys it\n",
                                     to_string(now_->report().copy), now_->report().node.str())
                      << std::flush;
        ::_exit(1);
    }

    asio::awaitable<int> try_all() {
        std::vector<guest_id> chosen;
        for (const auto& [id, row] : view_.guests)
            if (!row.is_template && !backup::is_trial_copy(row) && call_.guests.selects(row)) chosen.push_back(id);
        if (chosen.empty()) co_return refuse_usage("no guest is chosen");
        int worst = 0;
        for (const guest_id guest : chosen) {
            if (is_stopped_) break;
            const trial_report r = co_await try_one(guest);
            tell(guest, r);
            const int status = exit_code_of(r);
            // Something that does not work, or is left, is worse than something that was not tried.
            worst = status == 1 || worst == 1 ? 1 : std::max(worst, status);
        }
        co_return is_stopped_ ? 1 : worst;
    }

    asio::awaitable<trial_report> try_one(guest_id guest) {
        backup::trial_wish wish = call_.how;
        wish.guest = guest;
        const bool shows = is_for_people();
        const auto say = [shows, guest](const std::string& what) {
            if (shows) std::cerr << fmt::format("{}: {}\n", to_string(guest), what) << std::flush;
        };
        backup::trial one(pve_, std::move(wish), say);
        now_ = &one;
        trial_report report = co_await one.run();
        now_ = nullptr;
        co_return report;
    }

    void tell(guest_id guest, const trial_report& r) {
        results_.push_back(as_json(guest, r));
        if (!is_for_people()) return;
        std::cout << fmt::format("{}: {}: {}\n", to_string(guest), word_for(r.end), r.text);
        if (!r.archive.empty()) std::cout << fmt::format("  archive {}\n", r.archive.str());
        if (r.is_left)
            std::cout << fmt::format(
                "  left behind: {} on {}, its links are down; steward backup verify --cleanup destroys it\n",
                to_string(r.copy), r.node.str());
        std::cout << std::flush;
    }

    asio::awaitable<int> clean_up() {
        int status = 0;
        for (const model::guest_row& row : backup::left_copies(view_)) {
            const node_name node = row.node;
            const guest_id copy = row.id;
            const auto gone = co_await backup::destroy_copy(pve_, node, copy);
            if (!gone) status = 1;
            const std::string text = gone ? "destroyed" : gone.error().text();
            results_.push_back(
                {{"copy", to_string(copy)}, {"node", node.str()}, {"ok", gone.has_value()}, {"text", text}});
            if (is_for_people()) std::cout << fmt::format("{} on {}: {}\n", to_string(copy), node.str(), text);
        }
        if (results_.empty() && is_for_people()) std::cout << "nothing was left behind\n";
        std::cout << std::flush;
        co_return status;
    }

    pve::client pve_;
    verify_call call_;
    model::cluster_view view_;
    asio::signal_set signals_;
    task_group listening_;
    backup::trial* now_ = nullptr;
    bool is_stopped_ = false;
    json::array results_;
};

fault bad(std::string why) { return fault(errc::invalid, "backup verify", std::move(why)); }

result<verify_call> read_call(const arguments& given) {
    verify_call call;
    const std::vector<std::string> rest(given.words.begin() + 2, given.words.end());
    call.cleans_up = given.has("cleanup");
    if (call.cleans_up && !rest.empty()) return bad("--cleanup takes no guests: it destroys all copies");
    if (!call.cleans_up) {
        auto guests = model::parse_selector(rest);
        if (!guests) return guests.error();
        call.guests = std::move(*guests);
    }
    if (given.has("storage")) {
        auto storage = parse_storage_id(given.option("storage", ""));
        if (!storage) return storage.error();
        call.how.storage = std::move(*storage);
    }
    if (given.has("node")) {
        auto node = parse_node_name(given.option("node", ""));
        if (!node) return node.error();
        call.how.node = std::move(*node);
    }
    if (given.has("timeout")) {
        const auto limit = parse_duration(given.option("timeout", ""));
        if (!limit) return limit.error();
        if (*limit < 15s || *limit > 24h) return bad("--timeout is between 15s and 24h");
        call.how.limit = *limit;
    }
    call.how.keeps = given.has("keep-copy");
    call.given = given;
    return call;
}

}  // namespace

int verify_main(const arguments& given) {
    auto call = read_call(given);
    if (!call) return refuse(call.error());
    auto options = usable_options(given);
    if (!options) return refuse(options.error());
    pve::connection cluster(std::move(*options));
    verify_run run(cluster, std::move(*call));
    return cluster.run(run.run());
}

}  // namespace steward::cli
