#include "pve/login.hpp"

#include "base/log.hpp"
#include "pve/totp.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <vector>

namespace steward::pve {
namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

const char* const where = "pve POST /access/ticket";

/// A ticket lives two hours; PVE's key rotation can shorten that (pve-facts A.2).
constexpr duration half_life = 1h;
constexpr duration surely_alive = 115min;
constexpr duration pause_after_refusal = 30s;
constexpr duration pause_after_failed_renewal = 1min;

std::string text_in(const json::object& row, std::string_view key) {
    const json::value* const found = row.if_contains(key);
    return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

}  // namespace

net::http_headers pass::headers(bool is_write) const {
    net::http_headers out;
    if (!token.empty()) {
        out.emplace_back("Authorization", "PVEAPIToken=" + token);
        return out;
    }
    out.emplace_back("Cookie", "PVEAuthCookie=" + cookie);
    if (is_write) out.emplace_back("CSRFPreventionToken", csrf);
    return out;
}

/// One log-in, and those who wait for it.
class login::flight {
  public:
    explicit flight(time_point limit) : deadline(limit) {}

    asio::awaitable<result<void>> wait() {
        const auto executor = co_await asio::this_coro::executor;
        const auto parked = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
        if (is_over) co_return result<void>();
        waiting.push_back(parked);
        boost::system::error_code ec;
        co_await parked->async_wait(asio::redirect_error(asio::use_awaitable, ec));
        std::erase(waiting, parked);
        if (!is_over) throw boost::system::system_error(asio::error::operation_aborted);
        co_return result<void>();
    }

    void end(std::optional<fault> how) {
        failed = std::move(how);
        is_over = true;
        for (const auto& parked : waiting) parked->cancel();
    }

    time_point deadline;
    bool is_over = false;
    std::optional<fault> failed;
    std::vector<std::shared_ptr<asio::steady_timer>> waiting;
};

/// What POST /access/ticket gave: a ticket, or the question for the second factor.
class login::ticket_answer {
  public:
    std::string ticket;
    std::string csrf;
    bool needs_second_factor = false;
    time_point asked_at{};
};

login::login(time_source& time, credentials who, ticket_call ask)
    : time_(time), who_(std::move(who)), ask_(std::move(ask)) {}

pass login::current() const {
    pass out;
    out.token = who_.token;
    if (!ticket_) return out;
    out.cookie = ticket_->cookie;
    out.csrf = ticket_->csrf;
    out.number = ticket_->number;
    return out;
}

bool login::refused(const pass& used) {
    if (!used.token.empty()) return false;
    if (ticket_ && ticket_->number == used.number) ticket_.reset();
    return true;
}

asio::awaitable<result<pass>> login::enter(time_point deadline) {
    if (!who_.token.empty()) co_return current();
    for (;;) {
        const time_point now = time_.now();
        const bool is_fresh = ticket_ && now - ticket_->since < half_life;
        const bool is_usable = ticket_ && now - ticket_->since < surely_alive;
        if (is_fresh || (is_usable && (under_way_ || now < no_renewal_before_))) co_return current();
        if (!under_way_) {
            const auto led = co_await lead(deadline);
            if (!led) co_return led.error();
            co_return current();
        }
        const auto followed = under_way_;
        const auto waited = co_await with_deadline(time_, deadline, followed->wait());
        if (!waited) co_return fault(errc::not_delivered, where, "the log-in under way took too long");
        // Who led may have had less time than we have, or have been cancelled: then it is our turn.
        if (followed->failed && time_.now() < followed->deadline) co_return *followed->failed;
        if (time_.now() >= deadline) co_return fault(errc::not_delivered, where, "no time was left to log in");
    }
}

asio::awaitable<result<void>> login::lead(time_point deadline) {
    const auto mine = std::make_shared<flight>(deadline);
    under_way_ = mine;
    result<void> got;
    try {
        got = co_await obtain(deadline);
    } catch (...) {
        under_way_.reset();
        mine->end({});
        throw;
    }
    under_way_.reset();
    if (got)
        mine->end({});
    else
        mine->end(got.error());
    co_return got;
}

asio::awaitable<result<void>> login::obtain(time_point deadline) {
    if (ticket_ && time_.now() - ticket_->since < surely_alive) {
        // Half the time: the call itself can still go out with the old ticket.
        const time_point limit = time_.now() + (deadline - time_.now()) / 2;
        const auto renewed = co_await renew(limit);
        if (renewed) co_return renewed;
        if (renewed.error().code != errc::unauthorized) {
            no_renewal_before_ = time_.now() + pause_after_failed_renewal;
            log::warning("pve.renewal", {{"reason", renewed.error().text()}});
            co_return result<void>();
        }
    }
    ticket_.reset();
    if (refusal_ && time_.now() < refused_until_) co_return *refusal_;
    refusal_.reset();
    const auto in = co_await log_in(deadline);
    if (!in && in.error().code == errc::unauthorized) {
        refusal_ = in.error();
        refused_until_ = time_.now() + pause_after_refusal;
    }
    co_return in;
}

asio::awaitable<result<void>> login::renew(time_point deadline) {
    parameters form;
    form.emplace_back("username", who_.user);
    form.emplace_back("password", ticket_->text);
    auto answer = co_await ask_for_ticket(std::move(form), deadline);
    if (!answer) co_return answer.error();
    if (answer->needs_second_factor) co_return fault(errc::unauthorized, where, "the ticket is no longer accepted");
    keep(std::move(*answer));
    co_return result<void>();
}

asio::awaitable<result<void>> login::log_in(time_point deadline) {
    parameters form;
    form.emplace_back("username", who_.user);
    form.emplace_back("password", who_.password);
    auto answer = co_await ask_for_ticket(std::move(form), deadline);
    if (!answer) co_return answer.error();
    if (answer->needs_second_factor) {
        auto code = co_await second_factor(deadline);
        if (!code) co_return code.error();
        parameters second;
        second.emplace_back("username", who_.user);
        second.emplace_back("tfa-challenge", answer->ticket);
        second.emplace_back("password", "totp:" + *code);
        answer = co_await ask_for_ticket(std::move(second), deadline);
        if (!answer && answer.error().code == errc::unauthorized)
            co_return fault(errc::unauthorized, where,
                            "the one-time password was refused: wrong secret, clock off, or TOTP locked by PVE");
        if (!answer) co_return answer.error();
        if (answer->needs_second_factor)
            co_return fault(errc::garbage, where, "asked for a second factor after it was given");
    }
    keep(std::move(*answer));
    co_return result<void>();
}

asio::awaitable<result<std::string>> login::second_factor(time_point deadline) {
    if (who_.totp_key.empty())
        co_return fault(errc::unauthorized, where,
                        "the user has a second factor: configure its TOTP secret (totp_file) or use an API token");
    std::uint64_t step = totp_counter(time_.wall_now());
    // A code of the far future was made by a clock that has been set right since.
    if (used_code_ && step <= *used_code_ && *used_code_ - step <= 1) {
        const duration wait =
            totp_step * static_cast<std::int64_t>(*used_code_ + 1) - time_.wall_now().time_since_epoch();
        if (time_.now() + wait >= deadline)
            co_return fault(errc::not_delivered, where, "the next one-time password comes after the time limit");
        co_await time_.sleep_for(wait);
        step = std::max(totp_counter(time_.wall_now()), *used_code_ + 1);
    }
    used_code_ = step;
    co_return totp_code(who_.totp_key, step);
}

asio::awaitable<result<login::ticket_answer>> login::ask_for_ticket(parameters form, time_point deadline) {
    request call(verb::create, "/access/ticket", std::move(form));
    ticket_answer out;
    out.asked_at = time_.now();
    auto got = co_await ask_(std::move(call), deadline);
    if (!got) co_return got.error();
    if (got->status != 200) {
        fault refused(errc::unauthorized, where, "user name or password is wrong");
        // 4xx is our credentials' fault; anything else (no quorum, a realm's server) passes.
        if (got->status != 401)
            refused = fault(got->status == 400 ? errc::unauthorized : errc::refused, where, got->reason);
        refused.http_status = got->status;
        co_return refused;
    }
    boost::system::error_code ec;
    const json::value body = json::parse(got->body, ec);
    const json::value* const data = ec || !body.is_object() ? nullptr : body.get_object().if_contains("data");
    const json::object* const row = data ? data->if_object() : nullptr;
    if (row) {
        out.ticket = text_in(*row, "ticket");
        out.csrf = text_in(*row, "CSRFPreventionToken");
        out.needs_second_factor = row->contains("NeedTFA");
    }
    if (out.ticket.empty() || (out.csrf.empty() && !out.needs_second_factor))
        co_return fault(errc::garbage, where, "no ticket in the answer");
    co_return out;
}

void login::keep(ticket_answer answer) {
    ticket fresh;
    fresh.cookie = percent_encode(answer.ticket);
    fresh.text = std::move(answer.ticket);
    fresh.csrf = std::move(answer.csrf);
    fresh.since = answer.asked_at;
    fresh.number = ++log_ins_;
    ticket_ = std::move(fresh);
}

}  // namespace steward::pve
