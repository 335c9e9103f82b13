#include "services/forecast/survey.hpp"

#include "core/backup/archives.hpp"
#include "runtime/task_group.hpp"
#include "services/backup/inventory.hpp"
#include "services/backup/trial.hpp"
#include "services/failover/archives.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace steward::failover {
namespace asio = boost::asio;
namespace {

/// So many guests are read at once: a pveproxy has three workers, and others want to be served, too.
constexpr int readers = 6;

/// What was read about one guest alone.
class reading {
  public:
    std::optional<model::guest_config> config;
    std::map<volid, model::guest_config> archived;
};

class surveyor {
  public:
    surveyor(pve::client& pve, survey_wish asked) : pve_(pve), asked_(std::move(asked)) {}

    asio::awaitable<result<survey>> run() {
        auto view = co_await pve_.look();
        if (!view) co_return view.error();
        out_.view = std::move(*view);
        auto rights = co_await pve_.all_privileges();
        if (!rights) co_return rights.error();
        rights_ = std::move(*rights);
        co_await read_backups();
        co_await read_restores();
        choose_guests();
        co_await read_guests();
        for (auto& [node, guests] : by_node_) foretell_node(node, guests);
        std::sort(out_.problems.begin(), out_.problems.end());
        out_.problems.erase(std::unique(out_.problems.begin(), out_.problems.end()), out_.problems.end());
        co_return std::move(out_);
    }

  private:
    bool is_online(const node_name& node) const {
        const auto known = out_.view.nodes.find(node);
        return known != out_.view.nodes.end() && known->second.online == true;
    }

    void note(const fault& why) { out_.problems.push_back(why.text()); }

    asio::awaitable<void> read_backups() {
        storage_id any;
        archives_ = co_await backup::take_inventory(pve_, out_.view, std::move(any));
        for (const std::string& p : archives_.problems) out_.problems.push_back(p);
        for (const auto& [guest, archives] : archives_.by_guest)
            for (const model::backup& b : archives) measure_verified(b);
    }

    /// `steward backup verify` restored it under another number: only its stamp tells whose restore that was.
    void measure_verified(const model::backup& b) {
        if (!b.stamp.verified || b.bytes == 0) return;
        measured_restore r;
        r.guest = b.guest;
        r.bytes = b.bytes;
        r.took = b.stamp.restore_took;
        measured_.add(std::move(r));
    }

    /// The archive that a restore which began then was made from, most likely.
    std::uint64_t archive_bytes(guest_id guest, wall_time began) const {
        const auto known = archives_.by_guest.find(guest);
        if (known == archives_.by_guest.end()) return 0;
        for (const model::backup& b : known->second)
            if (b.created <= began) return b.bytes;
        return known->second.back().bytes;
    }

    asio::awaitable<void> read_restores() {
        for (const auto& [name, node] : out_.view.nodes) {
            if (node.online != true) continue;
            const auto rows = co_await pve_.restores_on(name);
            if (!rows) {
                note(rows.error());
                continue;
            }
            for (const pve::task_row& t : *rows) {
                const auto id = parse_vmid(t.id.id);
                if (!id) continue;
                measured_restore r;
                r.guest = {t.id.type == "vzrestore" ? guest_type::ct : guest_type::vm, *id};
                r.target = name;
                r.bytes = archive_bytes(r.guest, t.id.started);
                r.took = *t.ended - t.id.started;
                if (r.bytes > 0) measured_.add(std::move(r));
            }
        }
        out_.has_measured = measured_.is_known();
    }

    /// By node; there in the order in which they are brought back: by priority, then by number.
    void choose_guests() {
        std::optional<node_name> node = asked_.node_down;
        if (asked_.guest)
            if (const auto* row = out_.view.find(*asked_.guest)) node = row->node;
        for (const auto& [id, row] : out_.view.guests) {
            if (row.is_template || backup::is_trial_copy(row) || (node && row.node != *node)) continue;
            rules_[id] = asked_.rules_of(row);
            by_node_[row.node].push_back(id);
            if (is_online(row.node)) queue_.push_back(id);
        }
        for (auto& [name, guests] : by_node_)
            std::stable_sort(guests.begin(), guests.end(),
                             [&](guest_id a, guest_id b) { return rules_.at(a).priority > rules_.at(b).priority; });
    }

    asio::awaitable<void> read_guests() {
        const auto executor = co_await asio::this_coro::executor;
        task_group group(executor);
        for (int i = 0; i < readers; ++i) group.spawn("survey", read_from_queue());
        co_await group.join();
    }

    asio::awaitable<void> read_from_queue() {
        facts seen;
        seen.view = out_.view;
        while (next_ < queue_.size()) {
            seen.guest = queue_[next_++];
            co_await read_guest(seen);
        }
    }

    asio::awaitable<void> read_guest(facts& seen) {
        const guest_id guest = seen.guest;
        const node_name node = out_.view.find(guest)->node;
        auto config = co_await pve_.guest_config(node, guest);
        if (!config) {
            note(config.error());
            co_return;
        }
        seen.config = std::move(*config);
        seen.backups = allowed_backups(guest);
        seen.archived.clear();
        seen.problems.clear();
        co_await open_archives(pve_, seen, 1);
        if (seen.archived.empty() || holds_another(seen)) co_await open_archives(pve_, seen, archives_opened);
        reading& r = readings_[guest];
        r.config = std::move(seen.config);
        r.archived = std::move(seen.archived);
        for (std::string& p : seen.problems) out_.problems.push_back(std::move(p));
    }

    std::vector<model::backup> allowed_backups(guest_id guest) const {
        std::vector<model::backup> all;
        const auto known = archives_.by_guest.find(guest);
        if (known == archives_.by_guest.end()) return all;
        const policy& rules = rules_.at(guest).rules;
        const std::vector<storage_id> storages = backup_storages(out_.view, rules);
        for (const model::backup& b : known->second)
            if (std::find(storages.begin(), storages.end(), storage_of(b.volume)) != storages.end()) all.push_back(b);
        backup::sort_best_first(all, rules.prefer, rules.max_backup_age, out_.view.taken);
        return all;
    }

    /// The newest archive is of another guest that had the number before: an older one has to be opened as well.
    static bool holds_another(const facts& seen) {
        const char* key = seen.guest.type == guest_type::ct ? "hostname" : "name";
        return seen.archived.begin()->second.get(key) != seen.config->get(key);
    }

    void foretell_node(const node_name& node, const std::vector<guest_id>& guests) {
        facts seen;
        seen.now = out_.view.taken;
        seen.view = out_.view;
        if (const auto dying = seen.view->nodes.find(node); dying != seen.view->nodes.end())
            dying->second.online = false;
        seen.source = assumed_dead(node);
        std::vector<forecast> all;
        for (const guest_id guest : guests) {
            all.push_back(foretell_one(seen, guest));
            const forecast& f = all.back();
            if (!f.how) continue;
            seen.bound[guest] = f.target;
            seen.reserved[f.target] += out_.view.find(guest)->max_memory;
        }
        queue_restores(all);
        for (forecast& f : all)
            if (!asked_.guest || f.guest == *asked_.guest) out_.guests.push_back(std::move(f));
    }

    forecast foretell_one(facts& seen, guest_id guest) {
        seen.guest = guest;
        const auto read = readings_.find(guest);
        const bool was_read = read != readings_.end();
        seen.config = was_read ? read->second.config : std::nullopt;
        seen.archived = was_read ? std::move(read->second.archived) : decltype(seen.archived)();
        seen.backups = allowed_backups(guest);
        seen.privileges.clear();
        for (const std::string& path : acl_paths(seen, rules_.at(guest).rules))
            seen.privileges[path] = rights_.on(path);
        forecast f = foretell(seen, rules_.at(guest).rules, measured_);
        f.is_managed = rules_.at(guest).is_managed;
        if (f.code == "no_backup" && !archives_.unread.empty()) {
            f.code = "unknown";
            f.text = "whether there is a backup of it could not be read";
            f.release = archives_.unread.begin()->str() + " answers";
        }
        return f;
    }

    pve::client& pve_;
    survey_wish asked_;
    survey out_;
    backup::inventory archives_;
    restore_speed measured_;
    std::map<guest_id, guest_rules> rules_;
    std::map<node_name, std::vector<guest_id>> by_node_;
    std::vector<guest_id> queue_;  ///< to be read
    std::size_t next_ = 0;         ///< of it
    std::map<guest_id, reading> readings_;
    pve::held_rights rights_;
};

}  // namespace

asio::awaitable<result<survey>> survey_cluster(pve::client& pve, survey_wish asked) {
    surveyor s(pve, std::move(asked));
    auto done = co_await s.run();
    co_return done;
}

}  // namespace steward::failover
