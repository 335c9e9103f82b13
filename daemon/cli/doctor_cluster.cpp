#include "core/failover/guest_disks.hpp"
#include "doctor.hpp"
#include "pve/api/cluster.hpp"
#include "pve/api/nodes.hpp"
#include "pve/client.hpp"
#include "rights.hpp"
#include "services/backup/inventory.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <map>

namespace steward::cli {
namespace asio = boost::asio;
using namespace std::chrono_literals;
namespace {

/// More than that between two clocks makes ages of backups and one-time passwords doubtful; much more is wrong.
constexpr std::chrono::seconds doubtful_clock = 5s;
constexpr std::chrono::seconds wrong_clock = 60s;

std::string storage_of(const std::string& volume) { return volume.substr(0, volume.find(':')); }

/// "…,bridge=vmbr0,…" → "vmbr0"
std::string bridge_in(const std::string& text) {
    const std::size_t at = text.find("bridge=");
    return at == std::string::npos ? "" : text.substr(at + 7, text.find(',', at) - at - 7);
}

class cluster_examination {
  public:
    cluster_examination(pve::connection& cluster, const pve::connection_options& way,
                        const std::optional<config::settings>& settings, doctor_report& into)
        : pve_(cluster.wire(), cluster.session().time(), 30s), way_(way), settings_(settings), report_(into) {}

    asio::awaitable<int> run() {
        auto view = co_await pve_.look();
        if (!view) {
            const bool is_forbidden = view.error().code == errc::forbidden;
            std::string help;
            if (is_forbidden) help = "as root on a node:\n" + fix_lines(way_.who, "/");
            report_.add(severity::critical, is_forbidden ? "privileges on /" : "cluster", view.error().text(), help);
            co_return 1;
        }
        view_ = std::move(*view);
        judge_cluster();
        choose_guests();
        co_await compare_clocks();
        co_await read_configs();
        const auto rights = co_await pve_.all_privileges();
        if (rights)
            judge_rights(*rights);
        else
            report_.unknown("privileges", rights.error().text());
        co_await look_at_backups();
        co_return 0;
    }

  private:
    void judge_cluster() {
        const std::string& wanted = settings_ ? settings_->pve.name : std::string();
        const std::string name = view_.cluster_name.empty() ? "a stand-alone node" : "cluster " + view_.cluster_name;
        if (!wanted.empty() && wanted != view_.cluster_name)
            report_.add(severity::critical, "cluster", fmt::format("this is {}, not {}", name, wanted),
                        "cluster.name and cluster.endpoints do not belong together");
        std::string off;
        for (const auto& [node, n] : view_.nodes)
            if (n.online != true) off += (off.empty() ? "" : ", ") + node.str();
        if (!off.empty())
            report_.add(severity::warning, "nodes", "not online: " + off,
                        "pvecm status and the node's console tell more");
        if (!view_.is_quorate)
            report_.unknown("quorum", "could not be read", "the token needs Sys.Audit on /");
        else if (!*view_.is_quorate)
            report_.add(severity::critical, "quorum", fmt::format("{} has none: PVE refuses every change", name),
                        "pvecm status on a node");
        else
            report_.ok("quorum", fmt::format("{}, {} node(s), quorate", name, view_.nodes.size()));
        if (view_.nodes.size() == 1)
            report_.add(severity::warning, "nodes", "there is only one: no guest can be brought elsewhere", "");
    }

    asio::awaitable<void> compare_clocks() {
        for (const auto& [node, n] : view_.nodes) {
            if (n.online != true) continue;
            const auto got = co_await pve::api::root(pve_.session()).nodes(node).time().get();
            const std::string topic = "clock of " + node.str();
            if (!got || !got->time) {
                report_.unknown(topic, got ? "no time in the answer" : got.error().text());
                continue;
            }
            const auto theirs = wall_time(std::chrono::seconds(*got->time));
            const auto apart = std::chrono::abs(pve_.time().wall_now() - theirs);
            const std::string text = fmt::format("{} apart from the one here", format_duration(apart));
            if (apart < doubtful_clock)
                report_.ok(topic, text);
            else
                report_.add(apart < wrong_clock ? severity::warning : severity::critical, topic, text,
                            "chronyc tracking (or timedatectl) there and here: ages of backups and second factors "
                            "depend on it");
        }
    }

    [[nodiscard]] const config::failover_policy* policy_of(guest_id guest) const {
        const auto found = rules_.find(guest);
        return found == rules_.end() ? nullptr : &found->second;
    }

    /// Those that are looked after, and without a configuration all that there are.
    void choose_guests() {
        for (const auto& [id, row] : view_.guests) {
            const auto rules = settings_ ? config::rules_for(*settings_, row) : std::optional<config::guest>();
            if (rules) rules_.emplace(id, rules->failover);
            if (rules || (!settings_ && !row.is_template)) guests_.push_back(id);
        }
        // Named, and not there.
        for (std::size_t i = 0; settings_ && i < settings_->guests.size(); ++i) {
            const config::guest& g = settings_->guests[i];
            if (rules_.emplace(g.id, g.failover).second) guests_.push_back(g.id);
        }
    }
    [[nodiscard]] const std::vector<guest_id>& guests() const { return guests_; }

    asio::awaitable<void> read_configs() {
        constexpr std::size_t most = 200;
        for (const guest_id guest : guests()) {
            const auto* row = view_.find(guest);
            if (row == nullptr) {
                report_.add(severity::critical, "guest " + to_string(guest),
                            "is not in the cluster's list: it does not exist, or these credentials may not see it",
                            "take it out of the configuration, or\n" + fix_lines(way_.who, "/vms"));
                continue;
            }
            if (configs_.size() >= most) continue;
            auto config = co_await pve_.guest_config(row->node, guest);
            if (config)
                configs_.emplace(guest, std::move(*config));
            else
                report_.unknown("guest " + to_string(guest), "its configuration: " + config.error().text());
        }
    }

    void want_for_guest(guest_id guest, std::vector<wanted_right>& into) const {
        const std::string path = "/vms/" + to_string(guest.id);
        const config::failover_policy* p = policy_of(guest);
        into.push_back({path, {"VM.Audit", "VM.PowerMgmt"}, "seeing it and restarting it in place", true});
        if (p != nullptr && !p->enabled) return;
        into.push_back({path, {"VM.Allocate", "VM.Backup", "VM.Config.Options"}, "failover", true});
        const bool migrates = p != nullptr && (p->shutdown == config::on_shutdown::evacuate || p->fails_back);
        into.push_back({path, {"VM.Migrate"}, "failback and evacuation", migrates});
        const auto config = configs_.find(guest);
        if (config == configs_.end()) return;
        for (const auto& [key, value] : config->second.values)
            if (key.starts_with("net") && !bridge_in(value).empty())
                into.push_back({"/sdn/zones/localnetwork/" + bridge_in(value),
                                {"SDN.Use"},
                                "restoring " + to_string(guest),
                                true});
        if (p != nullptr && p->storage) return want_target(p->storage->str(), into);
        for (const auto& d : failover::disks_of(guest.type, config->second))
            if (!d.volume.starts_with('/')) want_target(storage_of(d.volume), into);
    }

    static void want_target(const std::string& storage, std::vector<wanted_right>& into) {
        const std::string path = "/storage/" + storage;
        into.push_back({path, {"Datastore.AllocateSpace"}, "restoring to it", true});
        into.push_back({path, {"Datastore.Allocate"}, "freeing what a killed restore left", false});
    }

    [[nodiscard]] std::vector<wanted_right> wanted() const {
        std::vector<wanted_right> all;
        all.push_back({"/", {"Sys.Audit"}, "the state of the cluster, and who stopped a guest", true});
        for (const guest_id guest : guests()) want_for_guest(guest, all);
        for (const auto& s : view_.storages)
            if (std::find(s.content.begin(), s.content.end(), "backup") != s.content.end())
                all.push_back(
                    {"/storage/" + s.id.str(), {"Datastore.AllocateSpace"}, "reading the backups on it", true});
        return all;
    }

    /// Whether guests are restored to it, which takes more.
    [[nodiscard]] bool is_target(const std::string& path) const {
        const std::vector<wanted_right> all = wanted();
        return std::any_of(all.begin(), all.end(), [&](const wanted_right& w) {
            return w.path == path && w.privileges.count("Datastore.Allocate") > 0;
        });
    }

    void judge_rights(const pve::held_rights& held) {
        // One line for each path and use, the commands once for each role.
        std::map<std::string, std::string> commands;
        std::map<std::string, std::pair<std::string, bool>> lines;
        for (const lacking_right& l : lacking(wanted(), held)) {
            std::string names;
            for (const std::string& p : l.privileges) names += (names.empty() ? "" : ", ") + p;
            auto& [text, is_needed] = lines[l.path];
            text += (text.empty() ? "" : "; ") + fmt::format("{} for {}", names, l.used_for);
            is_needed = is_needed || l.is_needed;
            commands[l.path] = fix_lines(way_.who, l.path, is_target(l.path));
        }
        for (const auto& [path, line] : lines)
            report_.add(line.second ? severity::critical : severity::warning, "privileges on " + path,
                        "lacks " + line.first, "as root on a node:\n" + commands[path]);
        if (lines.empty()) report_.ok("privileges", fmt::format("all that {} guest(s) need", guests().size()));
    }

    asio::awaitable<void> look_at_backups() {
        storage_id all_of_them;
        const auto found = co_await backup::take_inventory(pve_, view_, std::move(all_of_them));
        for (const std::string& p : found.problems) report_.unknown("backups", p);
        const bool has_any = std::any_of(view_.storages.begin(), view_.storages.end(), [](const model::storage_row& s) {
            return std::find(s.content.begin(), s.content.end(), "backup") != s.content.end();
        });
        if (!has_any)
            report_.add(severity::critical, "backups",
                        "no storage has content `backup`: nothing could be restored from",
                        "pvesm set STORAGE --content backup,…");
        std::string none;
        std::string old;
        for (const guest_id guest : guests()) {
            const config::failover_policy* p = policy_of(guest);
            const duration limit = p != nullptr ? p->max_backup_age : config::failover_policy().max_backup_age;
            if ((p != nullptr && !p->enabled) || view_.find(guest) == nullptr) continue;
            const auto archives = found.by_guest.find(guest);
            const bool is_known = archives != found.by_guest.end() && !archives->second.empty();
            if (!is_known && found.unread.empty()) none += " " + to_string(guest);
            if (is_known && view_.taken - archives->second.front().created > limit) old += " " + to_string(guest);
        }
        if (!none.empty())
            report_.add(severity::warning, "backups", "none of:" + none,
                        "steward backup create" + none + " --storage STORAGE");
        if (!old.empty())
            report_.add(severity::warning, "backups", "older than `max_backup_age`:" + old,
                        "a backup job in PVE that runs more often, or a higher limit");
        if (none.empty() && old.empty() && found.problems.empty() && has_any)
            report_.ok("backups", fmt::format("{} guest(s) have one that is young enough", guests().size()));
    }

    pve::client pve_;
    const pve::connection_options& way_;
    const std::optional<config::settings>& settings_;
    doctor_report& report_;
    model::cluster_view view_;
    std::map<guest_id, config::failover_policy> rules_;
    std::vector<guest_id> guests_;
    std::map<guest_id, model::guest_config> configs_;
};

}  // namespace

void examine_cluster(const pve::connection_options& way, const std::optional<config::settings>& settings,
                     doctor_report& into) {
    pve::connection cluster(way);
    cluster_examination examination(cluster, way, settings, into);
    static_cast<void>(cluster.run(examination.run()));
}

}  // namespace steward::cli
