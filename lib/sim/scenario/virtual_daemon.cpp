#include "sim/scenario/virtual_daemon.hpp"

#include "config/digest.hpp"
#include "pve/https_transport.hpp"
#include "sim/model_exchange.hpp"

namespace steward::sim {
namespace asio = boost::asio;

asio::awaitable<result<pve::reply>> witnessed_transport::send(pve::request call, time_point deadline) {
    if (on_send) on_send();
    if (call.what != pve::verb::get && on_write) on_write(call);
    if (call.what != pve::verb::get && delay_before) {
        const duration pause = delay_before(call);
        if (pause != duration::zero()) co_await time->sleep_for(pause);
    }
    if (const auto code = code_instead ? code_instead() : std::nullopt) {
        co_await time->sleep_for(std::chrono::milliseconds(5));
        pve::reply unreachable;
        unreachable.status = *code;
        unreachable.reason = "No route to host";
        co_return unreachable;
    }
    if (dies_here && dies_here()) co_await time->sleep_for(std::chrono::hours(100000));
    auto answer = co_await inner_.send(std::move(call), deadline);
    if (dies_here && dies_here()) co_await time->sleep_for(std::chrono::hours(100000));
    co_return answer;
}

asio::awaitable<result<std::vector<asio::ip::address>>> model_names::resolve(std::string name,
                                                                             net::address_family /*family*/,
                                                                             time_point /*deadline*/) {
    if (model_.faults().names_lost) co_return fault(errc::not_delivered, "resolve " + name, "no name server answers");
    const sim_node* n = model_.find_node(node_name(name));
    if (n == nullptr) co_return fault(errc::not_delivered, "resolve " + name, "no such name");
    constexpr unsigned first = 0xC000020BU;  // 192.0.2.11
    std::vector<asio::ip::address> found{asio::ip::address_v4(first + static_cast<unsigned>(n->index))};
    co_return found;
}

asio::awaitable<void> mortal_store::survive() {
    if (dies_here && dies_here()) co_await time_.sleep_for(std::chrono::hours(100000));
}

template <class T>
asio::awaitable<T> mortal_store::outlive(asio::awaitable<T> question) {
    co_await survive();
    T answer = co_await std::move(question);
    co_await survive();
    co_return answer;
}

asio::awaitable<result<std::vector<stored_record>>> mortal_store::load_records() {
    return outlive(inner_.load_records());
}
asio::awaitable<result<bool>> mortal_store::claim(std::string name) {
    const std::string copy = name;
    co_await survive();
    auto claimed = co_await inner_.claim(std::move(name));
    if (claimed && *claimed && after_claim) after_claim(copy);
    co_await survive();
    co_return claimed;
}
asio::awaitable<result<void>> mortal_store::check_parking() { return outlive(inner_.check_parking()); }
asio::awaitable<result<void>> mortal_store::unpark(guard::request what) {
    return outlive(inner_.unpark(std::move(what)));
}
asio::awaitable<result<void>> mortal_store::relocate(guard::request what) {
    return outlive(inner_.relocate(std::move(what)));
}
asio::awaitable<result<std::vector<stored_record>>> mortal_store::load_parked() {
    return outlive(inner_.load_parked());
}
asio::awaitable<result<void>> mortal_store::discard(guard::request what) {
    return outlive(inner_.discard(std::move(what)));
}

asio::awaitable<result<void>> mortal_store::unlock(guard::request what) {
    return outlive(inner_.unlock(std::move(what)));
}

asio::awaitable<result<std::string>> mortal_store::park(guard::request what) {
    const guard::request copy = what;
    co_await survive();
    auto parked = co_await inner_.park(std::move(what));
    if (parked && after_park) after_park(copy);
    co_await survive();
    co_return parked;
}

asio::awaitable<result<void>> mortal_store::save_record(std::string name, std::string text) {
    const std::string copy = text;
    co_await survive();
    auto saved = co_await inner_.save_record(std::move(name), std::move(text));
    if (saved && dies_after && dies_after(copy)) co_await time_.sleep_for(std::chrono::hours(100000));
    co_await survive();
    co_return saved;
}

namespace {

/// Its own node first, as a daemon is configured.
std::vector<node_name> endpoints_from(const cluster& model, const node_name& own) {
    std::vector<node_name> all{own};
    for (const sim_node& n : model.nodes())
        if (n.name != own) all.push_back(n.name);
    return all;
}

/// With a token without the HTTP around it, which is cheaper; with a user's tickets by the client of production.
std::unique_ptr<pve::transport> make_wire(cluster& model, time_source& time, random_source& chance,
                                          net::resolver& names, const node_name& own, const config::cluster& as) {
    if (as.user.empty()) {
        auto direct = std::make_unique<direct_transport>(model, time, failover_token(), endpoints_from(model, own));
        direct->origin = own;
        direct->names.from = &names;
        return direct;
    }
    auto way = std::make_unique<model_exchange>(model, time, own, endpoints_from(model, own));
    way->names.from = &names;
    pve::credentials who;
    who.user = as.user;
    for (const user_options& u : model.configured().users)
        if (u.id == as.user) who.password = u.password;
    return std::make_unique<pve::https_transport>(time, chance, std::move(way), std::move(who), pve::https_options());
}

}  // namespace

virtual_daemon::virtual_daemon(cluster& model, sim_time& time, node_name where, config::settings settings,
                               prober_factory probers, std::function<virtual_guard*()> guard,
                               const std::map<node_name, model_agents::behaviour>& agents, daemon_listener listener)
    : time_(time),
      node_(std::move(where)),
      clock_(time, model, node_),
      guests_wanted_(settings.guests.size()),
      config_digest_(config::guests_digest(settings)),
      chance_(7),
      names_(model),
      endpoint_names_(names_),
      wire_(make_wire(model, clock_, chance_, endpoint_names_, node_, settings.pve)),
      witness_(*wire_),
      gate_(witness_),
      pve_(gate_, clock_, std::chrono::seconds(20)),
      store_(model, clock_, node_),
      mortal_(store_, clock_),
      leases_(model, clock_, node_, std::move(guard)),
      agents_(model, clock_, agents),
      hooks_(clock_),
      lead_(clock_, leases_, node_),
      world_(time.io().get_executor(), clock_, chance_, pve_, mortal_, std::move(probers),
             settings.pve.user.empty() ? failover_token_id : settings.pve.user),
      all_(world_, std::move(settings), [this](bool yes) { gate_.open(yes); }) {
    witness_.on_write = std::move(listener.on_write);
    witness_.on_send = std::move(listener.on_send);
    witness_.delay_before = std::move(listener.delay_before);
    witness_.code_instead = std::move(listener.code_instead);
    witness_.time = &clock_;
    world_.on_node_state = std::move(listener.on_node_state);
    world_.on_mode = std::move(listener.on_mode);
    lead_.on_stall = std::move(listener.on_stall);
    lead_.on_alert = std::move(listener.on_alert);
    mortal_.after_park = std::move(listener.after_park);
    mortal_.after_claim = std::move(listener.after_claim);
    world_.on_step = std::move(listener.on_step);
    world_.book = listener.book;
    world_.hooks = &hooks_;
    hooks_.on_run = std::move(listener.on_hook);
    mortal_.dies_after = std::move(listener.dies_after);
    mortal_.dies_here = listener.dies_here;
    witness_.dies_here = std::move(listener.dies_here);
    gate_.may_act = [this] { return lead_.may_act(); };
    store_.leads_in = [this] { return lead_.leads_in(); };
    // The cluster of a scenario has been there for ever, until it is switched off.
    if (const sim_node* n = model.find_node(node_); n->booted > model.configured().start) lead_.node_booted = n->booted;
    lead_.config_digest = config_digest_;
    lead_.agents = &agents_;
    pve_.expect_cluster(all_.settings().pve.name);
    all_.join(lead_);
    auto changed = lead_.on_change;
    lead_.on_change = [this, changed, told = std::move(listener.on_leadership)](bool leads, std::uint64_t epoch) {
        if (told) told(node_, leads);
        changed(leads, epoch);
    };
}

virtual_daemon::~virtual_daemon() { end(); }

void virtual_daemon::apply(config::settings fresh) {
    lead_.config_digest = config::guests_digest(fresh);
    all_.apply(std::move(fresh));
}

asio::awaitable<void> virtual_daemon::run() {
    const auto started = co_await all_.start();
    if (!started) {
        problem_ = started.error().text();
        co_return;
    }
    co_await all_.run();
}

void virtual_daemon::boot() {
    tasks_ = std::make_unique<task_group>(time_.io().get_executor());
    tasks_->spawn("keeper", run());
    time_.run_until([this] { return all_.guests().size() == guests_wanted_ || !problem_.empty(); },
                    std::chrono::seconds(5));
}

void virtual_daemon::leave() {
    task_group last(time_.io().get_executor());
    last.spawn("leave", lead_.leave());
    time_.run_until([&] { return last.size() == 0; }, std::chrono::seconds(5));
    last.cancel();
    time_.run_for(duration::zero());
}

void virtual_daemon::end() {
    if (!tasks_) return;
    tasks_->cancel();
    time_.run_for(duration::zero());
    left_behind_ += tasks_->size();
    task_group end(time_.io().get_executor());
    end.spawn("stop", all_.stop());
    time_.run_for(duration::zero());
    left_behind_ += end.size();
    tasks_.reset();
}

}  // namespace steward::sim
