#include "api/order_desk.hpp"

#include "api/views.hpp"
#include "base/log.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <optional>
#include <string_view>

namespace steward::api {
namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

std::string good(json::object data) {
    return json::serialize(json::object{{"ok", true}, {"data", std::move(data)}}) + "\n";
}

std::string bad(const fault& f) {
    return json::serialize(json::object{{"ok", false}, {"code", name_of(f.code)}, {"error", f.text()}}) + "\n";
}

std::string text_member(const json::object& o, std::string_view key) {
    const json::value* v = o.if_contains(key);
    return v && v->is_string() ? std::string(v->get_string()) : std::string();
}

/// A request that was understood.
class order {
  public:
    std::string what;
    std::string cluster;  ///< of several; empty: the only one
    guest_id guest;
    std::optional<model::selector> guests;  ///< several
    failover::wish asked;
    bool is_urgent = false;  ///< observe: what is under way stands still, too
    failover::pause pause;
    duration lasts{};         ///< of the pause; zero: until it is taken back
    std::string object;       ///< fence-confirm: the node; parked-…: the name
    std::string token;        ///< approve: what was issued before; empty: now
    std::string typed_again;  ///< the same once more, from a person's own hand
};

/// "guests": a text, or a list of them.
result<void> read_guests(const json::object& o, order& into) {
    const json::value* given = o.if_contains("guests");
    if (given == nullptr) return {};
    std::vector<std::string> words;
    if (given->is_string()) words.emplace_back(given->get_string());
    if (given->is_array())
        for (const json::value& w : given->get_array())
            if (w.is_string()) words.emplace_back(w.get_string());
    auto which = model::parse_selector(words);
    if (!which) return which.error();
    into.guests = std::move(*which);
    return {};
}

/// The parts of "pause" and "resume".
result<void> read_pause(const json::object& o, order& into) {
    into.pause.object = text_member(o, "object");
    into.pause.reason = text_member(o, "reason");
    const std::string kind = text_member(o, "kind");
    if (kind == name_of(failover::pause_kind::maintenance)) into.pause.kind = failover::pause_kind::maintenance;
    const std::string lasts = text_member(o, "for");
    if (lasts.empty()) return {};
    const auto time = parse_duration(lasts);
    if (!time) return time.error();
    if (*time < 1s || *time > 24h * 366) return fault(errc::invalid, "for", "is between 1s and 366d");
    into.lasts = *time;
    return {};
}

result<order> read_order(const std::string& line) {
    boost::system::error_code ec;
    const json::value parsed = json::parse(line, ec);
    if (ec || !parsed.is_object()) return fault(errc::invalid, "control", "the request is not a JSON object");
    const json::object& o = parsed.get_object();
    order out;
    out.what = text_member(o, "do");
    out.cluster = text_member(o, "cluster");
    const std::string guest = text_member(o, "guest");
    if (!guest.empty()) {
        const auto id = parse_guest_id(guest);
        if (!id) return id.error();
        out.guest = *id;
    }
    const std::string to = text_member(o, "to");
    if (!to.empty()) {
        const auto node = parse_node_name(to);
        if (!node) return node.error();
        out.asked.to = *node;
    }
    const json::value* force = o.if_contains("force");
    out.asked.force = force && force->is_bool() && force->get_bool();
    const json::value* now = o.if_contains("now");
    out.is_urgent = now && now->is_bool() && now->get_bool();
    out.object = text_member(o, "object");
    out.typed_again = text_member(o, "confirm");
    out.token = text_member(o, "token");
    if (auto ok = read_guests(o, out); !ok) return ok.error();
    if (auto ok = read_pause(o, out); !ok) return ok.error();
    return out;
}

bool is_order(const std::string& what) {
    constexpr std::array<std::string_view, 14> orders{
        "failover", "failback", "retry",   "approve",       "abort",          "disable",       "pause",
        "resume",   "arm",      "observe", "fence-confirm", "parked-restore", "parked-remove", "approval-token"};
    return std::find(orders.begin(), orders.end(), what) != orders.end();
}

/// What cannot be taken back: root says it, and names the object twice (reliability §6.1 S3).
bool is_final(const std::string& what) { return what == "fence-confirm" || what == "parked-remove"; }

result<void> check_final(const order& asked, const std::string& asker) {
    if (!is_final(asked.what)) return {};
    if (asker != "root") return fault(errc::forbidden, "", "only root may order that");
    if (asked.object.empty() || asked.object != asked.typed_again)
        return fault(errc::refused, "", "the name was not typed again: nothing was done");
    return {};
}

/// One request to one cluster.
class order_desk {
  public:
    explicit order_desk(keeper& all) : all_(all) {}

    asio::awaitable<std::string> answer(order given, std::string asker) {
        const order* const asked = &given;
        if (asked->guests) {
            order wanted = *asked;
            auto answer = co_await answer_about_several(std::move(wanted), std::move(asker));
            if (!answer) co_return bad(answer.error());
            co_return good(std::move(*answer));
        }
        if (asked->what == "status") co_return good(status_view(all_));
        if (asked->what == "why") {
            auto view = guest_view(all_, asked->guest);
            if (!view) co_return bad(view.error());
            co_return good(std::move(*view));
        }
        if (asked->what == "evacuation") {
            json::array waits;
            for (const guest_id g : all_.to_be_evacuated()) waits.emplace_back(to_string(g));
            const auto longest = std::chrono::ceil<std::chrono::seconds>(all_.longest_evacuation());
            co_return good(json::object{{"guests", std::move(waits)}, {"limit_s", longest.count()}});
        }
        if (asked->what == "plan") {
            const auto plan = co_await all_.plan_for(asked->guest, asked->asked);
            if (!plan) co_return bad(plan.error());
            co_return good(plan_view(asked->guest, *plan, all_.time().wall_now()));
        }
        if (asked->what == "arm" || asked->what == "observe") {
            const config::mode wanted = asked->what == "arm" ? config::mode::armed : config::mode::observe;
            const auto changed = co_await all_.set_mode(wanted, asked->is_urgent);
            if (!changed) co_return bad(changed.error());
            co_return good(status_view(all_));
        }
        if (const auto may = check_final(*asked, asker); !may) co_return bad(may.error());
        if (asked->what == "approval-token") {
            const auto token = all_.approval_token(asked->guest);
            if (!token) co_return bad(token.error());
            co_return good(json::object{{"token", *token}});
        }
        if (asked->what == "parked-list") {
            const auto all = co_await all_.parked();
            if (!all) co_return bad(all.error());
            co_return good(parked_view(*all));
        }
        if (asked->what == "fence-confirm" || asked->what.starts_with("parked-")) {
            order wanted = *asked;
            const auto done = co_await change_for_good(std::move(wanted), std::move(asker));
            if (!done) co_return bad(done.error());
            co_return good({});
        }
        if (asked->what == "pause" || asked->what == "resume") {
            order wanted = *asked;
            const auto done = co_await change_pauses(std::move(wanted), std::move(asker));
            if (!done) co_return bad(done.error());
            co_return good(status_view(all_));
        }
        result<void> done = fault(errc::invalid, "control", "unknown request \"" + asked->what + "\"");
        if (asked->what == "failover") done = all_.order_failover(asked->guest, asked->asked);
        if (asked->what == "retry") done = all_.retry(asked->guest);
        if (asked->what == "failback") done = all_.order_failback(asked->guest);
        if (asked->what == "approve") done = all_.approve(asked->guest, asked->asked.force, asked->token);
        if (asked->what == "abort") done = all_.abort(asked->guest, asker);
        if (asked->what == "disable") done = all_.disable(asked->guest, asker);
        if (!done) co_return bad(done.error());
        co_return good({});
    }

  private:
    /// What may be asked about, or done to, several guests at once: nothing that hands one over.
    asio::awaitable<result<json::object>> answer_about_several(order asked, std::string asker) {
        const auto chosen = all_.chosen(*asked.guests);
        if (!chosen) co_return chosen.error();
        if (asked.what == "status") co_return status_view(all_, &*chosen);
        json::array list;
        for (const guest_id guest : *chosen) {
            if (asked.what == "why") {
                auto view = guest_view(all_, guest);
                if (!view) co_return view.error();
                list.push_back(std::move(*view));
            } else if (asked.what == "plan") {
                const auto plan = co_await all_.plan_for(guest, asked.asked);
                if (!plan) co_return plan.error();
                list.push_back(plan_view(guest, *plan, all_.time().wall_now()));
            } else if (asked.what == "pause" || asked.what == "resume") {
                order one = asked;
                one.pause.object = failover::pause_object(guest);
                std::string by = asker;
                const auto done = co_await change_pauses(std::move(one), std::move(by));
                if (!done) co_return fault(done.error().code, to_string(guest), done.error().text());
            } else {
                co_return fault(errc::invalid, "control", "\"" + asked.what + "\" is ordered for one guest at a time");
            }
        }
        if (asked.what == "pause" || asked.what == "resume") co_return status_view(all_);
        co_return json::object{{"guests", std::move(list)}};
    }

    asio::awaitable<result<void>> change_for_good(order asked, std::string asker) {
        result<void> done = fault(errc::invalid, "control", "unknown request \"" + asked.what + "\"");
        if (asked.what == "fence-confirm") {
            const auto node = parse_node_name(asked.object);
            if (!node) co_return node.error();
            done = co_await all_.confirm_fence(*node, std::move(asker));
        }
        if (asked.what == "parked-restore") done = co_await all_.restore_parked(asked.object, std::move(asker));
        if (asked.what == "parked-remove")
            done = co_await all_.remove_parked(asked.object, asked.typed_again, std::move(asker));
        co_return done;
    }

    asio::awaitable<result<void>> change_pauses(order asked, std::string asker) {
        if (asked.what == "resume") {
            auto resumed = co_await all_.resume(asked.pause.object, std::move(asker));
            co_return resumed;
        }
        asked.pause.by = std::move(asker);
        if (asked.lasts != duration::zero())
            asked.pause.until = all_.time().wall_now() + std::chrono::ceil<std::chrono::seconds>(asked.lasts);
        auto paused = co_await all_.pause(std::move(asked.pause));
        co_return paused;
    }

    keeper& all_;
};

/// The one that is meant. Errors: invalid when that is not clear, not_found, unavailable.
result<served_cluster> meant_by(const order& asked, const std::vector<served_cluster>& all) {
    std::string names;
    for (const served_cluster& c : all) {
        names += (names.empty() ? "" : ", ") + c.name;
        const bool is_meant = asked.cluster == c.name || (asked.cluster.empty() && all.size() == 1);
        if (is_meant && c.all == nullptr) return fault(errc::unavailable, "cluster " + c.name, c.problem);
        if (is_meant) return c;
    }
    if (asked.cluster.empty()) return fault(errc::invalid, "control", "which cluster? --cluster with one of: " + names);
    return fault(errc::not_found, "control",
                 fmt::format("there is no cluster \"{}\"; this daemon has {}", asked.cluster,
                             names.empty() ? "none with a name" : names));
}

}  // namespace

asio::awaitable<std::string> answer_request(std::vector<served_cluster> clusters, std::string line, std::string asker,
                                            configuration_teller tells_configuration) {
    auto asked = read_order(line);
    if (!asked) co_return bad(asked.error());
    if (is_order(asked->what) && asker.empty())
        co_return bad(fault(errc::forbidden, "control", "orders are taken from root and from the daemon's own user"));
    if (is_order(asked->what)) {
        std::vector<log::field> fields{{"event", asked->what},
                                       {"guest", asked->guest.id.number() ? to_string(asked->guest) : "-"}};
        if (!asked->cluster.empty()) fields.emplace_back("cluster", asked->cluster);
        log::info("operator.order", std::move(fields));
    }
    if (asked->what == "config") {
        json::object view = co_await tells_configuration();
        co_return good(std::move(view));
    }
    const bool is_about_all = asked->what == "status" && asked->cluster.empty() && clusters.size() > 1;
    if (is_about_all && !asked->guests) co_return good(status_of_all(clusters));
    const auto meant = meant_by(*asked, clusters);
    if (!meant) co_return bad(meant.error());
    // Its keeper stays as long as this needs it, also when a reload takes the cluster away meanwhile.
    const std::shared_ptr<keeper> all = meant->all;
    order_desk desk(*all);
    order wanted = std::move(*asked);
    std::string answer = co_await desk.answer(std::move(wanted), std::move(asker));
    co_return answer;
}

}  // namespace steward::api
