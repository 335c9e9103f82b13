#include "sim/scenario/lab.hpp"

#include "sim/guest_prober.hpp"
#include "sim/model/faults.hpp"
#include "sim/scenario/commands.hpp"
#include "sim/scenario/left_records.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace steward::sim::scenario {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

/// Long enough for every check to have succeeded and for the first look at the cluster.
constexpr duration settling = 90s;
constexpr duration check_timeout = 3s;
constexpr duration never = 10000h;
constexpr duration daemon_restart = 5s;  // RestartSec of the unit

sim::options with_clock(sim::options o, const sim_time& time) {
    o.start = time.now();
    o.wall_start = time.wall_now();
    return o;
}

/// The model's answer, unless the script says otherwise.
class scripted_prober final : public net::prober {
  public:
    scripted_prober(cluster& model, time_source& time, guest_id guest, node_name observer_node,
                    const std::map<guest_id, check_override>& overrides)
        : model_(model),
          time_(time),
          guest_(guest),
          observer_(std::move(observer_node)),
          overrides_(overrides),
          honest_(model, time, guest, check_timeout) {}

    asio::awaitable<probe_result> run() override {
        const check_override* said = what_is_said();
        if (said == nullptr) {
            auto answer = co_await honest_.run();
            co_return answer;
        }
        probe_result out(said->answer, said->reason);
        out.took = said->is_silent ? check_timeout : duration(3ms);
        co_await time_.sleep_for(out.took);
        co_return out;
    }

  private:
    [[nodiscard]] const check_override* what_is_said() const {
        const auto found = overrides_.find(guest_);
        if (found == overrides_.end()) return nullptr;
        const check_override& o = found->second;
        if (o.until && time_.now() >= *o.until) return nullptr;
        if (!o.from.empty() && std::find(o.from.begin(), o.from.end(), observer_) == o.from.end()) return nullptr;
        if (o.only_home) {
            const auto place = model_.files().find(guest_.id);
            if (place && place->node != *o.only_home) return nullptr;
        }
        return &o;
    }

    cluster& model_;
    time_source& time_;
    guest_id guest_;
    node_name observer_;
    const std::map<guest_id, check_override>& overrides_;
    guest_prober honest_;
};

}  // namespace

lab::lab(topology t)
    : setup_(std::move(t)),
      model_(with_clock(setup_.cluster, time_)),
      watcher_(model_, time_.now()),
      zero_(time_.now()),
      model_tasks_(time_.io().get_executor()) {
    for (const auto& [node, bytes] : setup_.free_memory) model_.set_free_memory(node, bytes);
    if (setup_.has_agents)
        for (const node_name& n : setup_.cluster.nodes) agents_[n];
    auto go_on = [this] {
        model_.advance_to(time_.now());
        watcher_.look();
        may_have_daemon_work_ = true;
    };
    model_.on_change = [this] { may_have_daemon_work_ = true; };
    // pve-guests.service is ordered behind the guard.
    model_.may_autostart = [this](const node_name& node) {
        const virtual_guard* guard = guard_of(node);
        return guard == nullptr ? dead_guards_.count(node) != 0 : guard->state().at != fencing::guard_phase::embargo;
    };
    if (setup_.guards_fail) watcher_.expect_copies();
    time_.lead([this] { return model_.next_event(); }, std::move(go_on));
}

lab::~lab() {
    daemons_.clear();
    guards_.clear();
    model_tasks_.cancel();
    time_.run_for(duration::zero());
}

std::unique_ptr<net::prober> lab::make_prober(const node_name& observer_node, guest_id guest) {
    return std::make_unique<scripted_prober>(model_, time_, guest, observer_node, overrides_);
}

void lab::boot_daemon(const node_name& node) {
    daemon_listener listener;
    listener.on_step = [this, node](const failover::state& before, const failover::step& next) {
        if (before.saved.at != next.now.saved.at) ++transitions_[node];
        watcher_.on_step(before, next);
    };
    listener.on_write = [this, node](const pve::request& call) {
        const auto daemon = daemons_.find(node);
        const std::uint64_t epoch = daemon == daemons_.end() ? 0 : daemon->second->lead().state().epoch;
        watcher_.on_write(node, epoch, call);
    };
    listener.on_send = [this, node] { count_request(node); };
    listener.delay_before = [this, node](const pve::request& call) { return delay_before(node, call); };
    listener.code_instead = [this, node]() -> std::optional<int> {
        const auto cut = cut_off_.find(node);
        if (cut == cut_off_.end() || time_.now() >= cut->second.until) return std::nullopt;
        return cut->second.code;
    };
    listener.on_node_state = [this, node](const node_name& who, const std::string& state) {
        see_node(node, who, state);
    };
    listener.on_mode = [this](const char* mode) {
        happening h(time_.now() - zero_, sight::state);
        h.guest = "cluster";
        h.name = std::string_view(mode) == "observe" ? "disarmed" : mode;
        watcher_.note(std::move(h));
    };
    listener.on_stall = [this, node](duration) {
        watcher_.count("counter loop_stalls");
        note_of(sight::alert, node, "observer_unfit", "its own loop stood still");
    };
    listener.after_park = [this](const guard::request& parked) { steal(parked); };
    listener.after_claim = [this](const std::string& name) { see_claim(name); };
    listener.on_alert = [this, node](const char* code, const std::string& text) {
        happening h(time_.now() - zero_, sight::alert);
        h.node = node.str();
        h.name = code;
        h.text = text;
        watcher_.note_standing(std::move(h));
    };
    listener.on_hook = [this, node](const hook_call& call) { return see_hook(node, call); };
    listener.dies_after = [this, node](const std::string& record) { return dies_after(node, record); };
    listener.dies_here = [this, node] { return dies_here(node); };
    auto probers = [this, node](guest_id guest, const config::check&) { return make_prober(node, guest); };
    memory_ledger& book = books_[node];
    book.node = node.str();
    listener.book = &book;
    auto& place = daemons_[node];
    listener.on_leadership = [this](const node_name& who, bool leads) { see_leadership(who, leads); };
    place = std::make_unique<virtual_daemon>(
        model_, time_, node, setup_.steward, std::move(probers), [this, node] { return guard_of(node); }, agents_,
        std::move(listener));
    if (is_deceived(node)) place->deceive();
    place->boot();
    if (place->all().misfit()) may_have_daemon_work_ = true;
}

/// Beside the one that leads, the next ones in order.
bool lab::is_deceived(const node_name& node) const {
    int left = setup_.leaders - 1;
    for (const node_name& n : setup_.cluster.nodes) {
        if (n == setup_.leader) continue;
        if (left-- <= 0) return false;
        if (n == node) return true;
    }
    return false;
}

/// "fo.103.2"
void lab::see_claim(const std::string& name) {
    const std::size_t first = name.find('.');
    const std::size_t second = name.find('.', first + 1);
    if (second == std::string::npos) return;
    const auto guest = parse_vmid(std::string_view(name).substr(first + 1, second - first - 1));
    std::uint32_t generation = 0;
    const char* const end = name.data() + name.size();
    if (guest && std::from_chars(name.data() + second + 1, end, generation).ptr == end)
        watcher_.on_claim(*guest, generation);
}

void lab::note_of(sight kind, const node_name& node, std::string name, std::string text) {
    happening h(time_.now() - zero_, kind);
    h.node = node.str();
    h.name = std::move(name);
    h.text = std::move(text);
    watcher_.note(std::move(h));
}

virtual_guard* lab::guard_of(const node_name& node) const {
    const auto found = guards_.find(node);
    return found == guards_.end() ? nullptr : found->second.get();
}

virtual_daemon* lab::leader() const {
    if (!leading_) return nullptr;
    const auto found = daemons_.find(*leading_);
    return found == daemons_.end() ? nullptr : found->second.get();
}

void lab::see_leadership(const node_name& node, bool leads) {
    if (leads) {
        int acting = 0;
        for (const auto& [name, daemon] : daemons_) acting += daemon->lead().may_act() ? 1 : 0;
        watcher_.note_peak("leaders-acting", acting);
        leading_ = node;
        note_of(sight::leader, node, "leads");
    } else if (leading_ == node) {
        leading_.reset();
        note_of(sight::leader, node_name("none"), "was " + node.str());
    }
}

void lab::boot_guard(const node_name& node) {
    guard_setup setup;
    setup.wanted = setup_.promise;
    setup.no_promise = setup_.no_promise;
    for (const config::guest& g : setup_.steward.guests) setup.managed.insert(g.id);
    guard_listener listener;
    listener.on_phase = [this, node](fencing::guard_phase p) { note_of(sight::guard, node, fencing::name_of(p)); };
    listener.on_kill = [this, node](guest_id guest) {
        happening h(time_.now() - zero_, sight::kill);
        h.guest = short_name(guest);
        h.node = node.str();
        watcher_.note(std::move(h));
    };
    listener.on_alert = [this, node](const char* code, const std::string& text) {
        if (setup_.no_promise != code) return note_of(sight::alert, node, code, text);
        happening h(time_.now() - zero_, sight::alert);
        h.node = node.str();
        h.name = code;
        h.text = text;
        watcher_.note_standing(std::move(h));
    };
    note_of(sight::guard, node, fencing::name_of(fencing::guard_phase::embargo));
    const std::string boot = node.str() + "-boot-" + std::to_string(++boots_[node]);
    guards_[node] = std::make_unique<virtual_guard>(model_, time_, node, boot, setup, std::move(listener));
}

void lab::stand_still(const node_name& node, bool daemon, bool guard, time_point until) {
    if (virtual_guard* g = guard ? guard_of(node) : nullptr) g->clock().stands_until = until;
    const auto d = daemons_.find(node);
    if (!daemon || d == daemons_.end()) return;
    d->second->clock().stands_until = until;
    // Virtual time has no slow code: a loop stalls only when its process does.
    const auto stalled = std::chrono::duration_cast<std::chrono::milliseconds>(until - time_.now());
    watcher_.note_peak("loop-stall " + node.str(), static_cast<int>(stalled.count()));
}

void lab::end_daemon(const node_name& node) {
    const auto found = daemons_.find(node);
    if (found == daemons_.end()) return;
    const bool is_ordered = stopped_daemons_.count(node) != 0 || going_down_.count(node) != 0;
    if (is_ordered && model_.find_node(node)->powered) found->second->leave();
    found->second->end();
    if (leading_ == node) see_leadership(node, false);
    left_behind_ += found->second->left_behind();
    daemons_.erase(found);
}

void lab::end_daemons() {
    while (!daemons_.empty()) {
        const node_name node = daemons_.begin()->first;
        end_daemon(node);
    }
}

bool lab::wants_daemon(const node_name& node) const {
    const sim_node* n = model_.find_node(node);
    const auto restart = restarts_at_.find(node);
    const bool is_pausing = restart != restarts_at_.end() && time_.now() < restart->second;
    return n != nullptr && n->powered && stopped_daemons_.count(node) == 0 && going_down_.count(node) == 0 &&
           !is_pausing;
}

bool lab::has_daemon_work() {
    if (!std::exchange(may_have_daemon_work_, false)) return false;
    const auto has_ended = [](const auto& d) { return d.second->has_crashed() || d.second->all().misfit(); };
    if (std::any_of(daemons_.begin(), daemons_.end(), has_ended)) return true;
    return std::any_of(model_.nodes().begin(), model_.nodes().end(), [&](const sim_node& n) {
        const bool wants_guard = n.powered && dead_guards_.count(n.name) == 0;
        return wants_guard != (guards_.count(n.name) != 0) || wants_daemon(n.name) != (daemons_.count(n.name) != 0);
    });
}

bool lab::dies_after(const node_name& node, const std::string& record) {
    const auto written = failover::parse_record(record);
    if (!written) return false;
    watcher_.on_record(*written);
    if (random_crashes_ > 0 && failover::is_in_flight(written->at) && ++records_seen_ % 3 == 0) {
        --random_crashes_;
        kill_daemon(node);
        return true;
    }
    const auto due = std::find(crashes_.begin(), crashes_.end(), written->at);
    if (due == crashes_.end()) return false;
    crashes_.erase(due);
    kill_daemon(node);
    return true;
}

bool lab::dies_here(const node_name& node) {
    const auto restart = restarts_at_.find(node);
    const bool is_dead = restart != restarts_at_.end() && time_.now() < restart->second;
    if (leading_ != node || is_dead) return false;
    const auto daemon = daemons_.find(node);
    if (daemon == daemons_.end()) return false;
    const auto& guests = daemon->second->all().guests();
    const bool is_busy = std::any_of(guests.begin(), guests.end(),
                                     [](const auto& g) { return failover::is_in_flight(g.second->state().saved.at); });
    if (!is_busy || crash_points_.count(++points_passed_) == 0) return false;
    kill_daemon(node);
    return true;
}

void lab::go_down(const node_name& node, lease::departure what, std::function<void()> power_off) {
    if (virtual_guard* guard = guard_of(node)) guard->leave(what);
    const auto daemon = daemons_.find(node);
    const duration patience = daemon == daemons_.end() ? duration() : daemon->second->all().longest_evacuation();
    go_down_when_empty(node, model_.find_node(node)->booted, time_.now() + patience, std::move(power_off));
}

void lab::go_down_when_empty(const node_name& node, time_point booted, time_point at_last,
                             std::function<void()> power_off) {
    const sim_node* n = model_.find_node(node);
    if (n == nullptr || !n->powered || n->booted != booted) return;
    const auto daemon = daemons_.find(node);
    const bool waits =
        time_.now() < at_last && daemon != daemons_.end() && !daemon->second->all().to_be_evacuated().empty();
    if (waits) {
        model_.at(time_.now() + 2s, [this, node, booted, at_last, power_off = std::move(power_off)]() mutable {
            go_down_when_empty(node, booted, at_last, std::move(power_off));
        });
        return;
    }
    going_down_.insert(node);
    may_have_daemon_work_ = true;
    power_off();
}

/// It ends when the present moment is over, and comes back as its unit says.
void lab::kill_daemon(const node_name& node) {
    restarts_at_[node] = time_.now() + (setup_.restarts_daemons ? daemon_restart : duration(never));
    may_have_daemon_work_ = true;
    // So that somebody looks then, whatever else happens.
    model_.at(restarts_at_[node], [] {});
}

void lab::tend_daemons() {
    for (const sim_node& n : model_.nodes()) {
        const bool has = daemons_.count(n.name) != 0;
        if (has && daemons_.at(n.name)->all().misfit()) {
            see_misfit(n.name, *daemons_.at(n.name)->all().misfit());
        } else if (has && daemons_.at(n.name)->has_crashed()) {
            note_of(sight::crash, n.name, "", daemons_.at(n.name)->problem());
            kill_daemon(n.name);
        }
        if (!n.powered) {
            dead_guards_.erase(n.name);
            going_down_.erase(n.name);
        }
        const bool wants_guard = n.powered && dead_guards_.count(n.name) == 0;
        if (!wants_guard) guards_.erase(n.name);
        if (wants_guard && guards_.count(n.name) == 0) boot_guard(n.name);
        if (has && !wants_daemon(n.name)) end_daemon(n.name);
        if (!has && wants_daemon(n.name)) boot_daemon(n.name);
    }
}

/// Its unit does not start it again.
void lab::see_misfit(const node_name& node, const fault& why) {
    stopped_daemons_.insert(node);
    misfits_.insert(node);
    happening h(time_.now() - zero_, sight::exit);
    h.node = node.str();
    h.name = why.where;
    h.text = why.detail;
    watcher_.note_standing(std::move(h));
}

/// The node that the scenario wants to lead comes first.
void lab::settle() {
    for (const std::string& what : setup_.faults) (void)carry_out(*this, what);
    named_checks_ = setup_.named_checks;
    if (!setup_.is_off) leave_records();
    for (const auto& [guest, node] : setup_.moved)
        (void)carry_out(*this, "op mv-config " + short_name(guest) + " " + node.str());
    for (const node_name& n : setup_.off) model_.power(n, false);
    for (const guest_id guest : setup_.ha_managed) (void)apply_fault(model_, "ha add " + short_name(guest));
    for (const guest_id guest : setup_.ha_failed) (void)apply_fault(model_, "ha error " + short_name(guest));
    for (const sim_node& n : model_.nodes())
        if (n.name != setup_.leader || setup_.has_no_daemons) stopped_daemons_.insert(n.name);
    tend_daemons();
    const bool has_leader = time_.run_until([this] { return leading_.has_value(); }, settling);
    if (!setup_.has_no_daemons) stopped_daemons_ = misfits_;
    tend_daemons();
    for (int i = 0; i < 30 && !misfits_.empty(); ++i) {
        time_.run_for(1s);
        tend_daemons();
    }
    if (has_leader) time_.run_for(settling);
    if (setup_.is_off)
        for (const sim_node& n : model_.nodes()) model_.power(n.name, false);
    tend_daemons();
    if (setup_.is_off) leave_records();
    zero_ = time_.now();
    model_.advance_to(zero_);
    watcher_.start(zero_);
    note_of(sight::leader, leading_.value_or(node_name("none")), leading_ ? "leads" : "");
    for (const auto& [node, state] : node_states_) note_of(sight::node_state, node, state);
    for (const auto& [node, guard] : guards_) note_of(sight::guard, node, fencing::name_of(guard->state().at));
}

void lab::leave_records() {
    for (const std::string& what : setup_.records) {
        const auto files = left_records(what, setup_.cluster, time_.wall_now());
        if (!files) continue;  // make_topology has said so
        for (const left_record& f : *files) {
            const std::string path = "priv/steward/" + f.path;
            if (f.text.empty())
                (void)model_.files().tree().make_directory(path);
            else
                model_.files().tree().write(path, f.text);
        }
    }
}

duration lab::delay_before(const node_name& node, const pve::request& call) {
    const auto stop = stops_before_.find(node);
    if (stop == stops_before_.end()) return duration::zero();
    const bool is_restore =
        call.what == pve::verb::create && (call.path.ends_with("/lxc") || call.path.ends_with("/qemu"));
    const bool is_start = call.what == pve::verb::create && call.path.ends_with("/status/start");
    const bool is_point = stop->second.point == "POST-restore" ? is_restore : is_start;
    if (!is_point) return duration::zero();
    const duration lasts = stop->second.lasts;
    stops_before_.erase(stop);
    stand_still(node, true, false, time_.now() + lasts);
    return duration(1);
}

/// The leader's word; without a leader anybody's.
void lab::see_node(const node_name& teller, const node_name& node, const std::string& state) {
    if (leading_ && *leading_ != teller) return;
    std::string& known = node_states_[node];
    if (known == state) return;
    known = state;
    note_of(sight::node_state, node, state);
}

void lab::steal(const guard::request& parked) {
    if (stolen_after_park_.erase(parked.guest.id) == 0) return;
    const node_name where = setup_.cluster.nodes.back();
    (void)model_.files().write(where, parked.guest, "hostname: thief\nmemory: 512\nostype: debian\n");
}

/// A daemon asks one endpoint at a time: what it sends in a second is that endpoint's share of it.
void lab::count_request(const node_name& node) {
    const auto second = std::chrono::duration_cast<std::chrono::seconds>(time_.now().time_since_epoch()).count();
    auto& [when, count] = sent_[node];
    if (when != second) count = 0;
    when = second;
    ++count;
    watcher_.note_peak("api-rate", count);
}

void lab::configure(const std::function<void(config::settings&)>& change) {
    change(setup_.steward);
    for (auto& [node, daemon] : daemons_) {
        config::settings fresh = setup_.steward;
        daemon->apply(std::move(fresh));
    }
    std::set<guest_id> managed;
    for (const config::guest& g : setup_.steward.guests) managed.insert(g.id);
    for (auto& [node, guard] : guards_) guard->manage(managed);
}

void lab::configure_on(const node_name& node, const std::function<void(config::settings&)>& change) {
    const auto daemon = daemons_.find(node);
    if (daemon == daemons_.end()) return;
    config::settings fresh = setup_.steward;
    change(fresh);
    daemon->second->apply(std::move(fresh));
}

result<guest_id> lab::guest_named(const std::string& word) const {
    auto guest = parse_guest_word(word);
    if (!guest) return guest;
    for (const guest_options& g : setup_.cluster.guests)
        if (g.guest.id == guest->id) return g.guest;
    return guest;
}

void lab::run_until(duration since_zero) {
    const time_point end = zero_ + since_zero;
    while (time_.now() < end) {
        const bool is_due = time_.run_until([this] { return has_daemon_work(); }, end - time_.now());
        if (is_due) tend_daemons();
    }
}

timeline lab::take() {
    compare_books();
    timeline all = watcher_.take();
    for (const sim_node& n : model_.nodes()) all.nodes.push_back(n.name.str());
    for (const config::guest& g : setup_.steward.guests)
        if (const auto end = all.guests.find(short_name(g.id)); end != all.guests.end())
            end->second.priority = g.failover.priority;
    return all;
}

result<void> lab::command(const std::string& text) {
    model_.advance_to(time_.now());
    // "try …": the cluster may be in no state to let that happen.
    const bool is_try = text.starts_with("try ");
    auto done = carry_out(*this, is_try ? text.substr(4) : text);
    if (is_try) done = {};
    may_have_daemon_work_ = true;
    model_.advance_to(time_.now());
    watcher_.look();
    return done;
}

}  // namespace steward::sim::scenario
