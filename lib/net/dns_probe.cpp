#include "net/cancelled.hpp"
#include "net/dns_message.hpp"
#include "net/probing.hpp"
#include "runtime/os_random.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <fmt/core.h>

namespace steward::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;

namespace {

constexpr int attempts = 3;  // a datagram may be lost

fault broken(const boost::system::error_code& ec) {
    // Its words are the system's, as own_trouble wants them.
    return fault(errc::not_delivered, "connect", ec.message());
}

class dns_prober final : public prober {
  public:
    dns_prober(dns_check check, time_source& time, resolver& names)
        : check_(std::move(check)), time_(time), names_(names) {}

    asio::awaitable<probe_result> run() override {
        probing::recorder notes(time_, check_.manners.is_explained);
        const time_point deadline = time_.now() + check_.timeout;
        const auto type = dns_type_of(check_.type);
        if (!type) co_return notes.finish(verdict::unknown, type.error().text());
        probing::target whom(check_.server, check_.port);
        const auto addresses =
            co_await probing::addresses_of(names_, std::move(whom), check_.manners.rules, deadline, notes);
        if (!addresses) co_return notes.finish(verdict::unknown, addresses.error().text());
        probing::findings all;
        for (std::size_t i = 0; i < addresses->size(); ++i) {
            const time_point limit = probing::share_of(time_.now(), deadline, addresses->size() - i);
            notes.detail("address", (*addresses)[i].to_string());
            const dns_question question(static_cast<std::uint16_t>(os_seed()), check_.query, *type);
            const auto reply = co_await ask((*addresses)[i], question, limit);
            notes.phase("answer");
            std::string said;
            if (reply && is_wanted(*reply, said, notes)) co_return notes.finish(verdict::healthy, said);
            if (reply)
                all.said_no(said);
            else
                note_failure(reply.error(), all);
        }
        co_return notes.finish(all.answer(), all.reason());
    }

  private:
    void note_failure(const fault& f, probing::findings& all) const {
        if (f.code == errc::timed_out) return all.said_no(probing::silence(check_.timeout));
        if (f.code == errc::garbage) return all.said_no("does not speak DNS: " + f.detail);
        if (f.code == errc::invalid) return all.could_not_look(f.detail);
        if (const auto trouble = probing::own_trouble(f)) return all.could_not_look(*trouble);
        all.said_no(probing::in_words(f.detail));
    }

    bool is_wanted(const dns_reply& reply, std::string& said, probing::recorder& notes) const {
        notes.detail("rcode", reply.rcode);
        for (const std::string& a : reply.answers) notes.detail("answer", probing::shown(a));
        if (reply.rcode != check_.rcode) {
            said = fmt::format("{}, wanted {}", reply.rcode, check_.rcode);
            return false;
        }
        said = reply.rcode;
        if (check_.rcode != "NOERROR") return true;
        if (reply.answers.empty()) {
            said = fmt::format("has no {} record for {}", check_.type, check_.query);
            return false;
        }
        said = probing::shown(reply.answers.front());
        if (!check_.answer) return true;
        const auto fits = [this](const std::string& a) { return check_.answer->fits(a); };
        const auto found = std::find_if(reply.answers.begin(), reply.answers.end(), fits);
        if (found == reply.answers.end()) {
            said = fmt::format("answered \"{}\", wanted {}", said, check_.answer->words());
            return false;
        }
        said = probing::shown(*found);
        return true;
    }

    /// The whole exchange with one server, by TCP when a datagram does not hold the answer.
    asio::awaitable<result<dns_reply>> ask(asio::ip::address server, const dns_question& question, time_point limit) {
        const auto query = write_dns_query(question);
        if (!query) co_return query.error();
        udp::socket socket(co_await asio::this_coro::executor);
        boost::system::error_code ec;
        const udp::endpoint where(server, check_.port);
        // Connected, so that only this server is heard, and its refusal as well.
        socket.connect(where, ec);
        if (ec) co_return broken(ec);
        fault last(errc::timed_out, "");
        for (int i = 0; i < attempts; ++i) {
            const time_point until = probing::share_of(time_.now(), limit, static_cast<std::size_t>(attempts - i));
            auto heard = co_await with_deadline(time_, until, exchange(socket, *query, question));
            if (heard && heard->is_truncated) {
                auto whole = co_await with_deadline(time_, limit, exchange_by_tcp(server, *query, question));
                co_return whole;
            }
            if (heard || heard.error().code != errc::timed_out) co_return heard;
            last = heard.error();
        }
        co_return last;
    }

    static asio::awaitable<result<dns_reply>> exchange(udp::socket& socket, const std::string& query,
                                                       const dns_question& question) {
        boost::system::error_code ec;
        co_await socket.async_send(asio::buffer(query), asio::redirect_error(asio::use_awaitable, ec));
        throw_if_cancelled(ec);
        if (ec) co_return broken(ec);
        std::array<char, 4096> answer;
        for (;;) {
            const std::size_t n =
                co_await socket.async_receive(asio::buffer(answer), asio::redirect_error(asio::use_awaitable, ec));
            throw_if_cancelled(ec);
            if (ec) co_return broken(ec);
            auto reply = read_dns_reply(std::string_view(answer.data(), n), question);
            // What is about another question is an older answer, or a stranger's guess.
            if (reply || reply.error().code != errc::not_found) co_return reply;
        }
    }

    asio::awaitable<result<dns_reply>> exchange_by_tcp(asio::ip::address server, const std::string& query,
                                                       const dns_question& question) {
        tcp::socket socket(co_await asio::this_coro::executor);
        boost::system::error_code ec;
        const tcp::endpoint where(server, check_.port);
        co_await socket.async_connect(where, asio::redirect_error(asio::use_awaitable, ec));
        throw_if_cancelled(ec);
        if (ec) co_return broken(ec);
        std::string framed;
        framed += static_cast<char>(query.size() >> 8U & 0xffU);
        framed += static_cast<char>(query.size() & 0xffU);
        framed += query;
        co_await asio::async_write(socket, asio::buffer(framed), asio::redirect_error(asio::use_awaitable, ec));
        throw_if_cancelled(ec);
        if (ec) co_return broken(ec);
        std::array<unsigned char, 2> head{};
        co_await asio::async_read(socket, asio::buffer(head), asio::redirect_error(asio::use_awaitable, ec));
        throw_if_cancelled(ec);
        std::string answer(std::size_t{head[0]} << 8U | head[1], '\0');
        if (!ec) co_await asio::async_read(socket, asio::buffer(answer), asio::redirect_error(asio::use_awaitable, ec));
        throw_if_cancelled(ec);
        if (ec == asio::error::eof) co_return fault(errc::garbage, "", "the answer ends too early");
        if (ec) co_return broken(ec);
        auto reply = read_dns_reply(answer, question);
        if (!reply && reply.error().code == errc::not_found) co_return fault(errc::garbage, "", reply.error().detail);
        co_return reply;
    }

    dns_check check_;
    time_source& time_;
    resolver& names_;
};

}  // namespace

std::unique_ptr<prober> make_prober(dns_check check, time_source& time, resolver& names) {
    return std::make_unique<dns_prober>(std::move(check), time, names);
}

}  // namespace steward::net
