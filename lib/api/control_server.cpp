#include "api/control_server.hpp"

#include "api/ledger_view.hpp"
#include "api/views.hpp"
#include "base/log.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/core.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace steward::api {
namespace asio = boost::asio;
namespace json = boost::json;
using asio::local::stream_protocol;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t largest_request = 64U << 10U;
constexpr duration patience = 30s;

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
    guest_id guest;
    failover::wish asked;
    bool is_urgent = false;  ///< observe: what is under way stands still, too
    failover::pause pause;
    duration lasts{};         ///< of the pause; zero: until it is taken back
    std::string object;       ///< fence-confirm: the node; parked-…: the name
    std::string token;        ///< approve: what was issued before; empty: now
    std::string typed_again;  ///< the same once more, from a person's own hand
    ledger_query query;       ///< ledger
};

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

/// The parts of "ledger", as seen at `now`.
result<void> read_query(const json::object& o, wall_time now, ledger_query& into) {
    into.about = text_member(o, "about");
    const json::value* last = o.if_contains("last");
    const std::int64_t most = last != nullptr && last->is_int64() ? last->get_int64() : 100;
    if (most < 1 || most > most_ledger_lines)
        return fault(errc::invalid, "last", fmt::format("is between 1 and {}", most_ledger_lines));
    into.most = static_cast<std::size_t>(most);
    const std::string since = text_member(o, "since");
    if (since.empty()) return {};
    const auto when = parse_since(since, now);
    if (!when) return when.error();
    into.since = *when;
    return {};
}

result<order> read_order(const std::string& line, wall_time wall) {
    boost::system::error_code ec;
    const json::value parsed = json::parse(line, ec);
    if (ec || !parsed.is_object()) return fault(errc::invalid, "control", "the request is not a JSON object");
    const json::object& o = parsed.get_object();
    order out;
    out.what = text_member(o, "do");
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
    if (auto ok = read_pause(o, out); !ok) return ok.error();
    if (auto ok = read_query(o, wall, out.query); !ok) return ok.error();
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

class unix_control_server final : public control_server {
  public:
    unix_control_server(keeper& all, stream_protocol::acceptor acceptor, std::string path,
                        configuration_teller tells_configuration)
        : all_(all),
          tells_configuration_(std::move(tells_configuration)),
          acceptor_(std::move(acceptor)),
          path_(std::move(path)),
          connections_(acceptor_.get_executor()) {}
    ~unix_control_server() override { ::unlink(path_.c_str()); }

    asio::awaitable<void> serve() override {
        try {
            co_await accept();
        } catch (...) {
            connections_.cancel();
            throw;
        }
    }

  private:
    asio::awaitable<void> accept() {
        for (;;) {
            boost::system::error_code ec;
            stream_protocol::socket peer(acceptor_.get_executor());
            co_await acceptor_.async_accept(peer, asio::redirect_error(asio::use_awaitable, ec));
            if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
            if (ec) {
                log::warning("control.accept", {{"reason", ec.message()}});
                co_await all_.time().sleep_for(100ms);
                continue;
            }
            connections_.spawn("control", serve_one(std::move(peer)));
        }
    }

    asio::awaitable<void> serve_one(stream_protocol::socket peer) {
        // A client that says nothing or reads nothing must not stay for ever.
        const auto done = co_await with_timeout(all_.time(), patience, converse(peer));
        if (!done) log::debug("control.closed", {{"reason", done.error().text()}});
    }

    asio::awaitable<result<void>> converse(stream_protocol::socket& peer) {
        std::string line;
        boost::system::error_code ec;
        auto buffer = asio::dynamic_buffer(line, largest_request);
        co_await asio::async_read_until(peer, buffer, '\n', asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
        if (ec) co_return fault(errc::io, "control", ec.message());
        std::string asker = asker_of(peer);
        const std::string answer = co_await answer_to(std::move(line), std::move(asker));
        co_await asio::async_write(peer, asio::buffer(answer), asio::redirect_error(asio::use_awaitable, ec));
        if (ec) co_return fault(errc::io, "control", ec.message());
        co_return result<void>();
    }

    /// Who is at the other end, as the kernel says: "root", "uid 999"; empty when he may not give orders.
    static std::string asker_of(stream_protocol::socket& peer) {
        ucred who{};
        socklen_t size = sizeof who;
        if (::getsockopt(peer.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return {};
        if (who.uid == 0) return "root";
        return who.uid == ::geteuid() ? fmt::format("uid {}", who.uid) : std::string();
    }

    asio::awaitable<std::string> answer_to(std::string line, std::string asker) {
        auto asked = read_order(line, all_.time().wall_now());
        if (!asked) co_return bad(asked.error());
        const bool is_an_order = is_order(asked->what);
        if (is_an_order && asker.empty())
            co_return bad(
                fault(errc::forbidden, "control", "orders are taken from root and from the daemon's own user"));
        order wanted = std::move(*asked);
        result<json::object> answer;
        if (is_an_order)
            answer = co_await obey(std::move(wanted), std::move(asker));
        else
            answer = co_await tell(std::move(wanted));
        if (!answer) co_return bad(answer.error());
        co_return good(std::move(*answer));
    }

    /// What only reads.
    asio::awaitable<result<json::object>> tell(order asked) {
        if (asked.what == "status") co_return status_view(all_);
        if (asked.what == "config") co_return tells_configuration_();
        if (asked.what == "why") {
            auto view = co_await why(asked.guest);
            co_return view;
        }
        if (asked.what == "ledger") {
            auto page = co_await ledger_answer(all_.book(), std::move(asked.query));
            co_return page;
        }
        if (asked.what == "ledger-verify") {
            auto check = co_await ledger_check_answer(all_.book());
            co_return check;
        }
        if (asked.what == "evacuation") {
            json::array waits;
            for (const guest_id g : all_.to_be_evacuated()) waits.emplace_back(to_string(g));
            const auto longest = std::chrono::ceil<std::chrono::seconds>(all_.longest_evacuation());
            co_return json::object{{"guests", std::move(waits)}, {"limit_s", longest.count()}};
        }
        if (asked.what == "plan") {
            const auto plan = co_await all_.plan_for(asked.guest, asked.asked);
            if (!plan) co_return plan.error();
            co_return plan_view(asked.guest, *plan, all_.time().wall_now());
        }
        if (asked.what == "parked-list") {
            const auto all = co_await all_.parked();
            if (!all) co_return all.error();
            co_return parked_view(*all);
        }
        co_return fault(errc::invalid, "control", "unknown request \"" + asked.what + "\"");
    }

    /// A ledger that cannot be read is no reason to be silent about the present.
    asio::awaitable<result<json::object>> why(guest_id guest) {
        ledger_query latest(to_string(guest), decisions_of_why);
        const auto decided = co_await ledger_answer(all_.book(), std::move(latest));
        auto view = guest_view(all_, guest);
        if (view && decided) (*view)["decisions"] = decided->at("decisions");
        co_return view;
    }

    /// Every order, and what became of it, is kept.
    asio::awaitable<result<json::object>> obey(order asked, std::string asker) {
        const bool is_about_guest = asked.guest.id.number() != 0;
        log::info("operator.order", {{"event", asked.what}, {"guest", is_about_guest ? to_string(asked.guest) : "-"}});
        const std::string what = asked.what;
        const std::string by = asker;
        std::string about = is_about_guest ? to_string(asked.guest) : asked.object.empty() ? "cluster" : asked.object;
        if (what == "fence-confirm") about.insert(0, "node/");
        auto answer = co_await carry_out(std::move(asked), std::move(asker));
        result<void> done;
        if (!answer) done = answer.error();
        all_.note_order(what, std::move(about), by, done);
        co_return answer;
    }

    asio::awaitable<result<json::object>> carry_out(order asked, std::string asker) {
        if (const auto may = check_final(asked, asker); !may) co_return may.error();
        if (asked.what == "arm" || asked.what == "observe") {
            const config::mode wanted = asked.what == "arm" ? config::mode::armed : config::mode::observe;
            const auto changed = co_await all_.set_mode(wanted, asked.is_urgent);
            if (!changed) co_return changed.error();
            co_return status_view(all_);
        }
        if (asked.what == "approval-token") {
            const auto token = all_.approval_token(asked.guest);
            if (!token) co_return token.error();
            co_return json::object{{"token", *token}};
        }
        if (asked.what == "pause" || asked.what == "resume") {
            const auto changed = co_await change_pauses(std::move(asked), std::move(asker));
            if (!changed) co_return changed.error();
            co_return status_view(all_);
        }
        result<void> done;
        if (asked.what == "fence-confirm" || asked.what.starts_with("parked-"))
            done = co_await change_for_good(std::move(asked), std::move(asker));
        else
            done = order_guest(asked, asker);
        if (!done) co_return done.error();
        co_return json::object();
    }

    result<void> order_guest(const order& asked, const std::string& asker) {
        if (asked.what == "failover") return all_.order_failover(asked.guest, asked.asked);
        if (asked.what == "retry") return all_.retry(asked.guest);
        if (asked.what == "failback") return all_.order_failback(asked.guest);
        if (asked.what == "approve") return all_.approve(asked.guest, asked.asked.force, asked.token);
        if (asked.what == "abort") return all_.abort(asked.guest, asker);
        if (asked.what == "disable") return all_.disable(asked.guest, asker);
        return fault(errc::invalid, "control", "unknown request \"" + asked.what + "\"");
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
    configuration_teller tells_configuration_;
    stream_protocol::acceptor acceptor_;
    std::string path_;
    task_group connections_;
};

}  // namespace

result<std::unique_ptr<control_server>> control_server::listen(asio::any_io_executor executor, keeper& all,
                                                               const std::string& path,
                                                               configuration_teller tells_configuration) {
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return fault(errc::invalid, "control_socket", path + " is too long for a Unix socket");
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    // The lock of this node is already ours, so a socket that is still there belongs to a dead daemon.
    ::unlink(path.c_str());
    stream_protocol::acceptor acceptor(executor);
    boost::system::error_code ec;
    acceptor.open(stream_protocol(), ec);
    if (!ec) acceptor.bind(stream_protocol::endpoint(path), ec);
    if (!ec) acceptor.listen(16, ec);
    if (ec) return fault(errc::io, "control socket " + path, ec.message());
    ::chmod(path.c_str(), 0660);
    return std::unique_ptr<control_server>(
        std::make_unique<unix_control_server>(all, std::move(acceptor), path, std::move(tells_configuration)));
}

}  // namespace steward::api
