#include "services/health/check_board.hpp"

#include "base/log.hpp"
#include "runtime/task_group.hpp"
#include "services/health/watch.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward {
namespace asio = boost::asio;

/// One check with its memory.
struct check_board::entry {
    entry(config::check s, std::unique_ptr<net::prober> p) : spec(std::move(s)), prober(std::move(p)) {}
    config::check spec;
    std::unique_ptr<net::prober> prober;
    health::check_state state;
    probe_result last;
    time_point begun = time_point::min();  ///< its last attempt
    time_point seen = time_point::min();   ///< the beginning of the last one that gave an answer
    time_point due{};                      ///< when it is its turn again, whatever is asked in between
    time_point counted{};                  ///< the beginning of the last bad one that counted
    bool is_probing = false;
    bool is_retired = false;
    std::unique_ptr<task_group> task;
    std::vector<std::unique_ptr<task_group>> ending;  ///< cancelled, perhaps still unwinding
};

check_board::check_board(asio::any_io_executor executor, time_source& time, random_source& chance, std::string owner)
    : executor_(std::move(executor)), time_(time), chance_(chance), owner_(std::move(owner)) {}

check_board::~check_board() = default;

std::unique_ptr<check_board::entry> check_board::make_entry(const config::check& spec) {
    auto made = std::make_unique<entry>(spec, make_prober(spec));
    start(*made, jitter(spec.interval, chance_));
    return made;
}

void check_board::start(entry& e, duration first_delay) {
    e.task = std::make_unique<task_group>(executor_);
    auto attempt = [this, &e](time_point due) { return look(e, due); };
    e.task->spawn(fmt::format("check {} {}", owner_, e.spec.name), watch_check(time_, first_delay, std::move(attempt)));
}

void check_board::apply(const std::vector<config::check>& specs) {
    std::vector<std::unique_ptr<entry>> next;
    for (const config::check& spec : specs) {
        const auto same = std::find_if(entries_.begin(), entries_.end(),
                                       [&](const auto& e) { return e && !e->is_retired && e->spec == spec; });
        if (same != entries_.end())
            next.push_back(std::move(*same));
        else
            next.push_back(make_entry(spec));
    }
    for (auto& left : entries_) {
        if (!left) continue;
        // It may be in the middle of an attempt: cancelled now, freed when that has ended.
        left->is_retired = true;
        left->task->cancel();
        next.push_back(std::move(left));
    }
    entries_ = std::move(next);
}

void check_board::forget() {
    for (auto& e : entries_) e->state = {};
}

bool check_board::look_again(time_point since) {
    bool has_looked = true;
    for (auto& e : entries_)
        if (!e->is_retired && !look_again(*e, since)) has_looked = false;
    return has_looked;
}

bool check_board::look_again(entry& e, time_point since) {
    if (e.seen >= since) return true;
    // Its present attempt began too early, or was only just ordered.
    if (e.is_probing || e.begun >= since) return false;
    e.begun = time_.now();
    e.task->cancel();
    e.ending.push_back(std::move(e.task));
    start(e, duration::zero());
    return false;
}

void check_board::look_again_at(const std::string& name, time_point since) {
    for (auto& e : entries_)
        if (e->spec.name == name && !e->is_retired) (void)look_again(*e, since);
}

asio::awaitable<duration> check_board::look(entry& e, time_point due) {
    e.is_probing = true;
    e.begun = time_.now();
    probe_result answer = co_await e.prober->run();
    e.seen = e.begun;
    const bool is_its_turn = due >= e.due;
    take(e, std::move(answer));
    e.is_probing = false;
    std::erase_if(e.ending, [](const auto& group) { return group->size() == 0; });
    // Whatever is in doubt is settled soon. An attempt in between changes nothing about its turn, but for that.
    const bool is_in_doubt = standing_of(e) == health::standing::suspicious;
    const time_point next = due + (is_in_doubt ? e.spec.retry_every() : e.spec.interval);
    e.due = is_its_turn ? next : std::min(e.due, next);
    co_return e.due - due;
}

/// Who is asked again and again in a moment has failed once: `fall` is about some time, too.
bool check_board::is_repetition(const entry& e, verdict answer) {
    const duration apart = e.spec.retry_every() * 3 / 4;  // it may begin a little late, and the next one not
    return answer == verdict::unhealthy && e.state.bad_in_row > 0 && e.begun - e.counted < apart;
}

void check_board::take(entry& e, probe_result answer) {
    if (e.is_retired) return;
    if (answer.answer == verdict::unhealthy) {
        const std::string parent = missing_parent(e);
        std::string why = parent.empty() ? "" : "it is behind " + parent + ", which is not up";
        if (why.empty() && excuse) why = excuse(e.spec);
        if (!why.empty()) {
            // That it does not work is to be expected, and says nothing.
            answer.answer = verdict::unknown;
            answer.reason += " (" + why + ")";
        }
    }
    const health::standing before = e.state.now;
    if (is_repetition(e, answer.answer)) {
        e.last = std::move(answer);
        return;
    }
    if (answer.answer == verdict::unhealthy) e.counted = e.begun;
    e.state =
        health::after_probe(std::move(e.state), answer.answer, answer.reason, {e.spec.rise, e.spec.fall}, e.begun);
    e.last = std::move(answer);
    if (e.state.now != before)
        log::info("check.state", {{"guest", owner_},
                                  {"check", e.spec.name},
                                  {"from", health::name_of(before)},
                                  {"to", health::name_of(e.state.now)},
                                  {"reason", e.last.reason}});
    if (e.state.now == health::standing::suspicious || e.state.now == health::standing::down) look_at_parents(e);
    if (on_answer) on_answer();
}

const check_board::entry* check_board::find(const std::string& name) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const auto& e) { return !e->is_retired && e->spec.name == name; });
    return found == entries_.end() ? nullptr : found->get();
}

std::optional<health::witness> check_board::witness(const std::string& name) const {
    const entry* e = find(name);
    if (e == nullptr) return std::nullopt;
    return health::witness{standing_of(*e), e->state.good_at};
}

/// One that is not there, in the middle of a reload, is not up.
health::witness check_board::parent(const std::string& name) const {
    auto found = witness(name);
    if (!found && gateways != nullptr) found = gateways->witness(name);
    return found.value_or(health::witness());
}

void check_board::look_at_parents(const entry& e) {
    for (const std::string& name : e.spec.parents) {
        look_again_at(name, e.state.bad_since);
        if (gateways != nullptr) gateways->look_again_at(name, e.state.bad_since);
    }
}

health::standing check_board::standing_of(const entry& e) const {
    health::standing now = e.state.now;
    for (const std::string& name : e.spec.parents) now = health::behind(now, e.state.bad_since, parent(name));
    // Whether it is being backed up, or was started a moment ago, is asked less often than it is probed.
    const bool is_early = now == health::standing::down && has_looked_since && !has_looked_since(e.state.bad_since);
    return is_early ? health::standing::suspicious : now;
}

std::string check_board::missing_parent(const entry& e) const {
    for (const std::string& name : e.spec.parents)
        if (parent(name).now != health::standing::up) return name;
    return {};
}

health::check_state check_board::state_of(const entry& e) const {
    health::check_state shown = e.state;
    shown.now = standing_of(e);
    if (shown.now != health::standing::unknown || e.state.now == health::standing::unknown) return shown;
    shown.reason = fmt::format("is behind {}, which is not up ({})", missing_parent(e), shown.reason);
    return shown;
}

health::standing check_board::standing(int required) const {
    health::tally counts;
    for (const auto& e : entries_)
        if (!e->is_retired) counts.add(standing_of(*e));
    return counts.of(required);
}

health::standing check_board::vote(int required) const {
    health::tally counts;
    for (const auto& e : entries_) {
        if (e->is_retired) continue;
        const health::standing now = standing_of(*e);
        const bool is_coming_back = now == health::standing::down && e->state.good_in_row > 0;
        counts.add(is_coming_back ? health::standing::suspicious : now);
    }
    return counts.of(required);
}

health::summary check_board::summary(int required) const {
    std::vector<health::named_check> all;
    for (const auto& e : entries_)
        if (!e->is_retired) all.push_back({e->spec.name, state_of(*e)});
    return health::summarise(all, required);
}

std::vector<check_board::view> check_board::views() const {
    std::vector<view> out;
    for (const auto& e : entries_)
        if (!e->is_retired) out.push_back({e->spec.name, state_of(*e), e->last});
    return out;
}

asio::awaitable<void> check_board::stop() {
    for (auto& e : entries_) e->task->cancel();
    for (auto& e : entries_) {
        co_await e->task->join();
        for (auto& group : e->ending) co_await group->join();
    }
    entries_.clear();
}

void check_board::sweep() {
    std::erase_if(entries_, [](const auto& e) {
        const auto has_ended = [](const auto& group) { return group->size() == 0; };
        return e->is_retired && has_ended(e->task) && std::all_of(e->ending.begin(), e->ending.end(), has_ended);
    });
}

}  // namespace steward
