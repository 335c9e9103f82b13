#include "daemon.hpp"

#include "api/control_server.hpp"
#include "base/log.hpp"
#include "cluster_site.hpp"
#include "config/effective.hpp"
#include "net/resolver.hpp"
#include "net/steady_resolver.hpp"
#include "notify.hpp"
#include "runtime/labelled_executor.hpp"
#include "runtime/offload.hpp"
#include "runtime/os_random.hpp"
#include "runtime/single_instance.hpp"
#include "runtime/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fmt/core.h>
#include <sysexits.h>
#include <unistd.h>

namespace steward {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

/// SIGTERM must be over within 10 s (design §6); what has not unwound by then is resumed from its record.
constexpr duration farewell = 8s;
/// A cluster that has failed beside others is begun anew after it.
constexpr duration second_try = 30s;

/// A cluster of the configuration, whether or not it can be looked after at the moment.
class kept_cluster {
  public:
    kept_cluster(config::settings s, const asio::any_io_executor& ex)
        : wanted(std::move(s)),
          executor(wanted.cluster_key.empty() ? ex : labelled(ex, wanted.cluster_key)),
          attendant(executor) {}

    config::settings wanted;
    asio::any_io_executor executor;      ///< of everything that is this cluster's: its events tell its name
    std::shared_ptr<cluster_site> site;  ///< null: see `problem`
    std::string problem = "it is being begun";
    bool is_hopeless = false;  ///< to begin again will not help: a person has to change something
    task_group attendant;      ///< notices when it fails
};

using kept_clusters = std::vector<std::unique_ptr<kept_cluster>>;

using source_texts = std::vector<config::source_text>;

/// The composition root. Members are declared so that what is used outlives its users.
class daemon {
  public:
    daemon(std::string config_file, config::loaded config)
        : config_file_(std::move(config_file)),
          read_from_(std::make_shared<source_texts>(std::move(config.sources))),
          control_socket_(config.clusters.front().control_socket),
          chance_(os_seed()),
          names_(net::make_cares_resolver(io_.get_executor(), time_)),
          endpoint_names_(*names_),
          around_(io_.get_executor(), time_, chance_, *names_, endpoint_names_),
          signals_(io_, SIGTERM, SIGINT, SIGHUP),
          tasks_(io_.get_executor()),
          attendants_(io_.get_executor()) {
        for (config::settings& s : config.clusters) add(std::move(s));
    }

    int run() {
        int status = 1;
        std::exception_ptr error;
        auto ended = [&](std::exception_ptr e, int s) {
            error = std::move(e);
            status = s;
        };
        asio::co_spawn(io_, main(), std::move(ended));
        io_.run();
        if (error) std::rethrow_exception(error);
        return status;
    }

  private:
    /// With one cluster the daemon is as good as that: when it fails, systemd begins anew. With several each stands for
    /// itself.
    [[nodiscard]] bool is_alone() const { return clusters_.size() == 1; }

    kept_cluster& add(config::settings s) {
        clusters_.push_back(std::make_unique<kept_cluster>(std::move(s), io_.get_executor()));
        return *clusters_.back();
    }

    asio::awaitable<int> main() {
        for (std::size_t i = 0; i < clusters_.size(); ++i) co_await begin(*clusters_[i]);
        if (is_alone() && clusters_.front()->site == nullptr) {
            log::error("start.failed", {{"reason", clusters_.front()->problem}});
            co_return exit_code();
        }
        auto control = api::control_server::listen(
            io_.get_executor(), time_, [this] { return served(); }, control_socket_, [this] { return config_view(); });
        if (!control) {
            log::error("start.failed", {{"reason", control.error().text()}});
            co_return 1;
        }
        for (const auto& c : clusters_) c->attendant.spawn("attendant", attend(*c));
        tasks_.spawn("control", (*control)->serve());
        tasks_.spawn("watchdog", feed_watchdog());
        attendants_.spawn("attendant", notice_failure());
        notify::ready(summary());
        log::info("daemon.ready", {{"guests", std::to_string(configured_guests())}, {"file", config_file_}});
        const bool is_clean = co_await until_told_to_stop();
        notify::stopping();
        log::info("daemon.stopping", {{"in_flight", std::to_string(in_flight())}});
        tasks_.cancel();
        co_await attendants_.join();  // ends when all of tasks_ have ended
        const bool has_ended = co_await end_all();
        if (!has_ended)
            log::warning("daemon.hurry",
                         {{"reason", "tasks did not end in time; they are resumed from their records"}});
        log::info("daemon.stopped");
        if (!has_ended) ::_exit(0);  // the records are on disk; destructors could wait for what has just not ended
        co_return is_clean ? 0 : exit_code();
    }

    asio::awaitable<void> begin(kept_cluster& one) {
        config::settings wanted = one.wanted;
        site_surroundings around = around_;
        around.executor = one.executor;
        auto made = cluster_site::make(std::move(around), std::move(wanted));
        if (!made) {
            one.problem = made.error().text();
            co_return;
        }
        std::shared_ptr<cluster_site> site = std::move(*made);
        auto work = site->begin();
        const auto begun = co_await asio::co_spawn(one.executor, std::move(work), asio::use_awaitable);
        if (begun) {
            one.problem.clear();
            one.site = std::move(site);
            co_return;
        }
        one.problem = begun.error().text();
        one.is_hopeless = site->all().misfit().has_value();
        has_misfit_ = has_misfit_ || one.is_hopeless;
        (void)co_await site->end(farewell);
    }

    /// systemd starts it again, unless it would end for the same reason.
    [[nodiscard]] int exit_code() const { return has_misfit_ ? EX_CONFIG : 1; }

    /// Until cancelled: a cluster that fails is begun anew, and nobody else hears of it.
    asio::awaitable<void> attend(kept_cluster& one) {
        for (;;) {
            if (one.site != nullptr) {
                const std::shared_ptr<cluster_site> site = one.site;
                std::string why = co_await site->failure();
                one.is_hopeless = site->all().misfit().has_value();
                has_misfit_ = has_misfit_ || one.is_hopeless;
                log::error(is_alone() ? "daemon.failed" : "cluster.failed",
                           {{"cluster", one.wanted.cluster_key}, {"reason", why}});
                if (is_alone()) {
                    signals_.cancel();
                    co_return;
                }
                one.problem = std::move(why);
                one.site.reset();
                (void)co_await site->end(farewell);
            } else if (!one.is_hopeless) {
                log::error("cluster.failed", {{"cluster", one.wanted.cluster_key}, {"reason", one.problem}});
            }
            co_await time_.sleep_for(second_try);
            if (!one.is_hopeless) co_await begin(one);
        }
    }

    /// What is not the clusters' own: the control socket, systemd's watchdog.
    asio::awaitable<void> notice_failure() {
        try {
            co_await tasks_.join();
        } catch (const std::exception& e) {
            log::error("daemon.failed", {{"reason", e.what()}});
        }
        signals_.cancel();
    }

    asio::awaitable<void> end_one(std::shared_ptr<cluster_site> site, bool& has_ended) {
        const bool is_over = co_await site->end(farewell);
        has_ended = has_ended && is_over;
    }

    /// All at once: the limit holds for all of them together.
    asio::awaitable<bool> end_all() {
        bool has_ended = true;
        task_group ends(io_.get_executor());
        for (const auto& c : clusters_) {
            c->attendant.cancel();
            co_await c->attendant.join();
        }
        for (const auto& c : clusters_)
            if (c->site != nullptr) ends.spawn("end", end_one(c->site, has_ended));
        co_await ends.join();
        co_return has_ended;
    }

    /// True for SIGTERM and SIGINT, false when one of our own tasks has failed.
    asio::awaitable<bool> until_told_to_stop() {
        for (;;) {
            boost::system::error_code ec;
            const int signal = co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
            if (ec || signal != SIGHUP) co_return !ec;
            co_await reload();
        }
    }

    /// A bad file changes nothing. It is read on a thread of its own: ten thousand checks take a tenth of a second, in
    /// which no probe may wait.
    asio::awaitable<void> reload() {
        notify::reloading(time_.now());
        const auto read = [this] { return config::load_file(config_file_); };
        config::loaded fresh = co_await offload(reader_, read);
        for (const auto& p : fresh.problems) log::error("config.rejected", {{"reason", to_string(p)}});
        if (fresh.problems.empty()) co_await accept(std::move(fresh));
        notify::ready(summary());
    }

    asio::awaitable<void> accept(config::loaded read) {
        std::vector<config::settings> fresh = std::move(read.clusters);
        // Between the two forms all directories change: that is another daemon.
        const bool was_single = clusters_.front()->wanted.cluster_key.empty();
        if (was_single != fresh.front().cluster_key.empty()) {
            log::error("config.rejected", {{"reason", "between cluster and clusters a restart is needed"}});
            co_return;
        }
        read_from_ = std::make_shared<source_texts>(std::move(read.sources));
        co_await drop_others(fresh);
        duration held{};
        for (config::settings& s : fresh) {
            kept_cluster* known = find(s.cluster_key);
            if (known == nullptr) {
                kept_cluster& added = add(std::move(s));
                co_await begin(added);
                added.attendant.spawn("attendant", attend(added));
                continue;
            }
            known->wanted = s;
            known->is_hopeless = false;
            const std::shared_ptr<cluster_site> site = known->site;
            if (site == nullptr) continue;
            auto work = site->accept(std::move(s));
            const duration took = co_await asio::co_spawn(known->executor, std::move(work), asio::use_awaitable);
            held = std::max(held, took);
        }
        log::info("config.reloaded",
                  {{"file", config_file_},
                   {"guests", std::to_string(configured_guests())},
                   {"held_ms", std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(held).count())}});
    }

    /// Clusters that the configuration no longer has. What was under way there stands in their records.
    asio::awaitable<void> drop_others(const std::vector<config::settings>& fresh) {
        kept_clusters leaving;
        for (auto it = clusters_.begin(); it != clusters_.end();) {
            const bool stays = std::any_of(fresh.begin(), fresh.end(), [&](const config::settings& s) {
                return s.cluster_key == (*it)->wanted.cluster_key;
            });
            if (stays) {
                ++it;
                continue;
            }
            leaving.push_back(std::move(*it));
            it = clusters_.erase(it);
        }
        for (auto& c : leaving) {
            log::info("cluster.removed", {{"cluster", c->wanted.cluster_key}});
            c->attendant.cancel();
            co_await c->attendant.join();
            const std::shared_ptr<cluster_site> site = c->site;
            bool has_ended = true;
            if (site != nullptr) has_ended = co_await site->end(farewell);
            if (!has_ended) stuck_.push_back(std::move(c));
        }
    }

    kept_cluster* find(const std::string& key) {
        const auto it = std::find_if(clusters_.begin(), clusters_.end(),
                                     [&](const auto& c) { return c->wanted.cluster_key == key; });
        return it == clusters_.end() ? nullptr : it->get();
    }

    [[nodiscard]] std::vector<api::served_cluster> served() const {
        std::vector<api::served_cluster> all;
        for (const auto& c : clusters_) {
            api::served_cluster one;
            one.name = c->wanted.cluster_key;
            one.problem = c->problem;
            // Whoever holds the keeper holds all that it stands on.
            if (c->site != nullptr) one.all = std::shared_ptr<keeper>(c->site, &c->site->all());
            all.push_back(std::move(one));
        }
        return all;
    }

    /// On that thread, too.
    asio::awaitable<boost::json::object> config_view() {
        const auto sources = read_from_;
        const auto read = [sources] { return config::effective_config(*sources); };
        boost::json::object tree = co_await offload(reader_, read);
        boost::json::array files;
        for (const config::source_text& s : *sources) files.emplace_back(s.name);
        boost::json::object view;
        view["file"] = config_file_;
        view["files"] = std::move(files);
        view["effective"] = std::move(tree);
        co_return view;
    }

    asio::awaitable<void> feed_watchdog() {
        const auto pause = notify::watchdog_pause();
        for (;;) {
            if (pause) notify::alive();
            notify::status(summary());
            const duration next = pause.value_or(10s);
            co_await time_.sleep_for(next);
        }
    }

    [[nodiscard]] std::size_t in_flight() const {
        std::size_t n = 0;
        for (const auto& c : clusters_) n += c->site == nullptr ? 0 : c->site->in_flight();
        return n;
    }

    /// Named ones; what selectors choose is known later.
    [[nodiscard]] std::size_t configured_guests() const {
        std::size_t n = 0;
        for (const auto& c : clusters_) n += c->wanted.guests.size();
        return n;
    }

    [[nodiscard]] std::string summary() const {
        std::string all;
        for (const auto& c : clusters_) {
            const std::string said = c->site == nullptr ? c->problem : c->site->summary();
            if (!all.empty()) all += "; ";
            all += c->wanted.cluster_key.empty() ? said : c->wanted.cluster_key + ": " + said;
        }
        return all;
    }

    std::string config_file_;
    std::shared_ptr<const source_texts> read_from_;  ///< what the configuration of the moment was read from
    asio::thread_pool reader_{1};
    std::string control_socket_;
    os_time time_;
    random_source chance_;
    asio::io_context io_{1};
    std::unique_ptr<net::resolver> names_;
    net::steady_resolver endpoint_names_;
    site_surroundings around_;
    bool has_misfit_ = false;
    kept_clusters clusters_;
    kept_clusters stuck_;  ///< some of their tasks have not ended, and still need them
    asio::signal_set signals_;
    task_group tasks_;
    task_group attendants_;
};

}  // namespace

int run_daemon(const std::string& config_file, config::loaded config) {
    const std::vector<config::settings>& clusters = config.clusters;
    std::signal(SIGPIPE, SIG_IGN);
    // The directories of several clusters lie below this one.
    std::filesystem::path state_dir = clusters.front().state_dir;
    if (!clusters.front().cluster_key.empty()) state_dir = state_dir.parent_path();
    std::error_code ec;
    std::filesystem::create_directories(state_dir, ec);
    const auto only = single_instance::acquire(state_dir / "lock");
    if (!only) {
        log::error("start.refused", {{"reason", only.error().text()}});
        return 1;
    }
    daemon one(config_file, std::move(config));
    return one.run();
}

}  // namespace steward
