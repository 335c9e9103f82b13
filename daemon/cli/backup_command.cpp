#include "backup_command.hpp"

#include "api_exit.hpp"
#include "backup_view.hpp"
#include "cluster_options.hpp"
#include "model/selector.hpp"
#include "output.hpp"
#include "pve/client.hpp"
#include "pve/connection.hpp"
#include "services/backup/inventory.hpp"

#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <iostream>
#include <set>
#include <unistd.h>

namespace steward::cli {
namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

/// A backup of many terabytes takes long; one without a word for so long hangs.
constexpr duration longest_task = 7 * 24h;
constexpr duration longest_silence = 6h;

class backup_call {
  public:
    std::string verb;
    model::selector guests;  ///< no words: all
    std::optional<volid> archive;
    storage_id storage;
    std::string mode = "snapshot";
    std::string notes;
    bool is_protected = false;
    backup::keep_rules keep;
    bool is_dry_run = false;
    std::optional<node_name> node;
    std::optional<vmid> new_id;
    bool wants_new_id = false;
    bool starts = false;
    arguments given;
    std::string confirmed;
};

/// One run of the command against a cluster.
class backup_run {
  public:
    backup_run(pve::connection& cluster, backup_call call)
        : pve_(cluster.wire(), cluster.session().time(), 30s), call_(std::move(call)) {}

    asio::awaitable<int> run() {
        auto view = co_await pve_.look();
        if (!view) co_return complain(view.error());
        view_ = std::move(*view);
        const std::string idle = call_.guests.idle_word(view_);
        if (!idle.empty())
            co_return refuse_usage(
                fmt::format("\"{}\" speaks of no guest that is there, or that the token may see", idle));
        if (call_.verb == "create") {
            const int status = co_await create();
            co_return status;
        }
        const bool is_any_storage = call_.verb == "restore" || call_.archive.has_value();
        storage_id only = is_any_storage ? storage_id() : call_.storage;
        archives_ = co_await backup::take_inventory(pve_, view_, std::move(only));
        for (const std::string& p : archives_.problems) std::cerr << "steward: could not be read: " << p << '\n';
        int status = 0;
        if (call_.verb == "list") status = list();
        if (call_.verb == "prune") status = co_await prune();
        if (call_.verb == "delete") status = co_await remove();
        if (call_.verb == "restore") status = co_await restore();
        co_return status;
    }

  private:
    [[nodiscard]] bool selects_all() const { return call_.guests.words.empty(); }
    [[nodiscard]] bool is_for_people() const { return cli::is_for_people(call_.given); }

    /// Of a guest that is gone only its number is left to choose it by.
    [[nodiscard]] bool selects(guest_id guest) const {
        if (selects_all()) return true;
        if (const auto* row = view_.find(guest)) return call_.guests.selects(*row);
        model::guest_row gone;
        gone.id = guest;
        return call_.guests.selects(gone);
    }

    void print(const json::value& answer) const { print_answer(call_.given, answer, ""); }

    int list() {
        std::vector<listed_archive> all;
        const auto add = [&](guest_id guest, std::optional<model::backup> archive) {
            listed_archive l;
            l.guest = guest;
            if (const auto* row = view_.find(guest)) {
                l.name = row->name;
                l.is_there = true;
            }
            l.archive = std::move(archive);
            all.push_back(std::move(l));
        };
        std::set<guest_id> guests;
        for (const auto& [guest, archives] : archives_.by_guest) guests.insert(guest);
        for (const auto& [guest, row] : view_.guests)
            if (!row.is_template) guests.insert(guest);
        for (const guest_id guest : guests) {
            if (!selects(guest)) continue;
            const auto known = archives_.by_guest.find(guest);
            if (known == archives_.by_guest.end()) {
                // What could not be read may have some.
                if (archives_.unread.empty()) add(guest, std::nullopt);
                continue;
            }
            for (const model::backup& b : known->second) add(guest, b);
        }
        if (is_for_people())
            std::cout << archives_as_text(all, view_.taken) << std::flush;
        else
            print(archives_as_json(all, view_.taken));
        return archives_.unread.empty() ? 0 : 1;
    }

    /// Follows a task to its end; on a terminal with its progress in one line.
    asio::awaitable<result<void>> follow(upid task, std::string what) {
        const bool shows = is_for_people() && ::isatty(STDERR_FILENO) != 0;
        pve::task_limits limits;
        limits.deadline = pve_.time().now() + longest_task;
        limits.stall = longest_silence;
        pve::task_progress show;
        if (shows)
            show = [&what](const std::string& line) {
                constexpr int width = 30;
                const auto percent = percent_in(line);
                if (!percent) return;
                const std::string done(static_cast<std::size_t>(*percent * width / 100), '#');
                std::cerr << fmt::format("\r{}  [{:<{}}] {:3} %", what, done, width, *percent) << std::flush;
            };
        const auto end = co_await pve::follow_task(pve_, std::move(task), limits, show);
        if (shows) std::cerr << "\r\x1b[K" << std::flush;
        if (!end) co_return end.error();
        if (end->ok) co_return result<void>();
        std::string why = end->text;
        for (const std::string& line : end->tail) why += "\n    " + line;
        co_return fault(errc::refused, what, why);
    }

    /// Says it at once to people; collects it for programs.
    void tell(std::string what, const result<void>& how, const std::string& good) {
        backup_outcome o;
        o.what = std::move(what);
        o.is_good = how.has_value();
        o.text = how ? good : how.error().detail;
        if (is_for_people())
            (o.is_good ? std::cout : std::cerr) << fmt::format("{}: {}\n", o.what, o.text) << std::flush;
        outcomes_.push_back(std::move(o));
    }

    [[nodiscard]] int end() const {
        if (!is_for_people()) print(outcomes_as_json(outcomes_));
        return std::all_of(outcomes_.begin(), outcomes_.end(), [](const auto& o) { return o.is_good; }) ? 0 : 1;
    }

    /// One after the other: two at once on one node only slow each other down.
    asio::awaitable<int> create() {
        std::vector<model::guest_row> chosen;
        for (const auto& [guest, row] : view_.guests)
            if (call_.guests.selects(row)) chosen.push_back(row);
        if (chosen.empty()) co_return refuse_usage("no guest is chosen");
        for (const model::guest_row& row : chosen) {
            const std::string what = to_string(row.id);
            if (call_.is_dry_run) {
                tell(what, {}, fmt::format("would be backed up from {} to {}", row.node.str(), call_.storage.str()));
                continue;
            }
            pve::backup_order order;
            order.guest = row.id;
            order.node = row.node;
            order.storage = call_.storage;
            order.mode = call_.mode;
            order.notes = call_.notes;
            order.is_protected = call_.is_protected;
            const time_point began = pve_.time().now();
            auto task = co_await pve_.back_up(std::move(order));
            if (!task) {
                tell(what, task.error(), "");
                continue;
            }
            const auto ended = co_await follow(std::move(*task), what);
            const std::string took = describe_duration(pve_.time().now() - began);
            tell(what, ended, fmt::format("backed up to {} in {}", call_.storage.str(), took));
        }
        co_return end();
    }

    [[nodiscard]] const model::backup* find_archive() const {
        for (const auto& [guest, archives] : archives_.by_guest)
            for (const model::backup& b : archives)
                if (b.volume == *call_.archive) return &b;
        return nullptr;
    }

    [[nodiscard]] int refuse_unknown() const {
        return refuse_usage(fmt::format("there is no archive {} that the token may see; steward backup list shows all",
                                        call_.archive->str()));
    }

    asio::awaitable<result<void>> delete_one(model::backup archive) {
        const node_name node = backup::node_for(view_, archive);
        if (node.empty()) co_return fault(errc::unavailable, "delete", "no node that has its storage answers");
        auto task = co_await pve_.delete_archive(node, archive.volume);
        if (!task) co_return task.error();
        if (!*task) co_return result<void>();
        auto done = co_await follow(std::move(**task), archive.volume.str());
        co_return done;
    }

    asio::awaitable<int> prune() {
        std::vector<backup::judged_archive> all;
        for (const auto& [guest, archives] : archives_.by_guest)
            if (selects(guest))
                for (auto& j : backup::judge(archives, call_.keep, view_.taken)) all.push_back(std::move(j));
        if (is_for_people()) std::cout << judged_as_text(all, view_.taken) << std::flush;
        if (!is_for_people() && call_.is_dry_run) print(judged_as_json(all));
        if (call_.is_dry_run) co_return archives_.unread.empty() ? 0 : 1;
        for (const backup::judged_archive& j : all) {
            if (!j.goes) continue;
            const auto done = co_await delete_one(j.archive);
            tell(j.archive.volume.str(), done, "removed");
        }
        co_return end();
    }

    /// Somebody who removes the only good archive of a guest says so by its name.
    [[nodiscard]] bool is_meant(const model::backup& archive) {
        const auto& all = archives_.by_guest.at(archive.guest);
        if (!backup::is_last_good(all, archive.volume)) return true;
        if (call_.confirmed.empty()) {
            std::cerr << fmt::format("{} is the last good backup of {}. Type it again to remove it: ",
                                     archive.volume.str(), to_string(archive.guest))
                      << std::flush;
            std::getline(std::cin, call_.confirmed);
        }
        return call_.confirmed == archive.volume.str();
    }

    asio::awaitable<int> remove() {
        const model::backup* archive = find_archive();
        if (archive == nullptr) co_return refuse_unknown();
        const std::string what = archive->volume.str();
        if (archive->is_protected) {
            tell(what, fault(errc::refused, what, "it is protected; take that away first if it really may go"), "");
            co_return end();
        }
        if (!is_meant(*archive)) {
            tell(what,
                 fault(errc::refused, what, "not removed: it is the last good backup of " + to_string(archive->guest)),
                 "");
            co_return end();
        }
        const auto done = co_await delete_one(*archive);
        tell(what, done, "removed");
        co_return end();
    }

    /// Where to: the node with the archive, else the guest's own, else whoever answers.
    [[nodiscard]] node_name restore_node(const model::backup& archive) const {
        if (call_.node) return *call_.node;
        if (!archive.only_on.empty()) return archive.only_on;
        const auto* row = view_.find(archive.guest);
        return row != nullptr ? row->node : view_.contacted;
    }

    [[nodiscard]] bool is_taken(vmid id) const {
        return std::any_of(view_.guests.begin(), view_.guests.end(), [&](const auto& g) { return g.first.id == id; });
    }

    /// Never over a guest that is there: `force` destroys its volumes before the archive is even opened (pve-facts
    /// G.6).
    asio::awaitable<int> restore() {
        const model::backup* archive = find_archive();
        if (archive == nullptr) co_return refuse_unknown();
        pve::restore_order order;
        order.guest = archive->guest;
        if (call_.wants_new_id) {
            const auto free = co_await pve_.free_vmid();
            if (!free) co_return complain(free.error());
            order.guest.id = *free;
        } else if (call_.new_id) {
            order.guest.id = *call_.new_id;
        }
        if (is_taken(order.guest.id))
            co_return refuse_usage(
                fmt::format("vmid {} is taken, and nothing is ever restored over a guest: choose a "
                            "free one with --vmid N, or --vmid new",
                            to_string(order.guest.id)));
        order.is_copy = view_.find(archive->guest) != nullptr;
        order.target = restore_node(*archive);
        order.archive = archive->volume;
        order.storage = call_.storage;
        const std::string what = to_string(order.guest);
        if (call_.is_dry_run) {
            tell(what, {}, fmt::format("would be restored on {} from {}", order.target.str(), order.archive.str()));
            co_return end();
        }
        const guest_id guest = order.guest;
        const node_name node = order.target;
        const time_point began = pve_.time().now();
        auto task = co_await pve_.restore(std::move(order));
        if (!task) {
            tell(what, task.error(), "");
            co_return end();
        }
        auto done = co_await follow(std::move(*task), what);
        const std::string took = describe_duration(pve_.time().now() - began);
        tell(what, done, fmt::format("restored on {} in {}", node.str(), took));
        if (done && call_.starts) {
            auto start = co_await pve_.start(node, guest);
            result<void> started = start ? result<void>() : result<void>(start.error());
            if (start) started = co_await follow(std::move(*start), what);
            tell(what, started, "started");
        }
        co_return end();
    }

    pve::client pve_;
    backup_call call_;
    model::cluster_view view_;
    backup::inventory archives_;
    std::vector<backup_outcome> outcomes_;
};

result<int> read_count(const std::string& text) {
    int count = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (ec != std::errc() || end != text.data() + text.size() || count < 0)
        return fault(errc::invalid, "--keep", "\"" + text + "\" is no number");
    return count;
}

fault bad(std::string why) { return fault(errc::invalid, "backup", std::move(why)); }

result<void> read_where(const arguments& given, backup_call& into) {
    if (given.has("storage")) {
        auto storage = parse_storage_id(given.option("storage", ""));
        if (!storage) return storage.error();
        into.storage = std::move(*storage);
    }
    if (given.has("node")) {
        auto node = parse_node_name(given.option("node", ""));
        if (!node) return node.error();
        into.node = std::move(*node);
    }
    into.wants_new_id = given.option("vmid", "") == "new";
    if (given.has("vmid") && !into.wants_new_id) {
        const auto id = parse_vmid(given.option("vmid", ""));
        if (!id) return id.error();
        into.new_id = *id;
    }
    return {};
}

result<void> read_how(const arguments& given, backup_call& into) {
    into.mode = given.option("mode", "snapshot");
    if (given.has("keep")) {
        const auto count = read_count(given.option("keep", ""));
        if (!count) return count.error();
        into.keep.newest = *count;
    }
    if (given.has("keep-within")) {
        const auto within = parse_duration(given.option("keep-within", ""));
        if (!within) return within.error();
        into.keep.within = *within;
    }
    into.notes = given.option("notes", "");
    into.is_protected = given.has("protected");
    into.is_dry_run = given.has("dry-run");
    into.starts = given.has("start");
    into.confirmed = given.option("confirm", "");
    into.given = given;
    return {};
}

result<backup_call> read_call(const arguments& given) {
    backup_call call;
    call.verb = given.words[1];
    const std::vector<std::string> rest(given.words.begin() + 2, given.words.end());
    if (const auto where = read_where(given, call); !where) return where.error();
    if (const auto how = read_how(given, call); !how) return how.error();
    const bool is_about_archive = call.verb == "restore" || call.verb == "delete";
    if (is_about_archive) {
        call.archive = volid(rest.front());
        return call;
    }
    if (!rest.empty() || call.verb != "list") {
        auto guests = model::parse_selector(rest);
        if (!guests) return guests.error();
        call.guests = std::move(*guests);
    }
    if (call.verb == "create" && call.storage.empty()) return bad("create needs --storage S: where to");
    if (call.verb == "prune" && call.keep.newest == 0 && !call.keep.within)
        return bad("prune needs --keep N, --keep-within TIME, or both: what stays");
    return call;
}

}  // namespace

int backup_main(const arguments& given) {
    auto call = read_call(given);
    if (!call) return refuse(call.error());
    auto options = usable_options(given);
    if (!options) return refuse(options.error());
    pve::connection cluster(std::move(*options));
    backup_run run(cluster, std::move(*call));
    return cluster.run(run.run());
}

}  // namespace steward::cli
