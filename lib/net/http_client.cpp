#include "net/http_client.hpp"

#include "net/http_exchange.hpp"
#include "net/tls.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <fmt/core.h>

namespace steward::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

constexpr std::size_t header_limit = 32U << 10U;

bool equal_without_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

void throw_if_cancelled(const boost::system::error_code& ec) {
    if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
}

bool is_end(const boost::system::error_code& ec) {
    return ec == asio::error::eof || ec == asio::ssl::error::stream_truncated || ec == asio::error::connection_reset;
}

/// How a client recognises its server, prepared once: loading a CA file for every connection would be slow.
class tls_setup {
  public:
    explicit tls_setup(const http_endpoint& where) : context_(asio::ssl::context::tls_client) {
        if (!where.tls) return;
        boost::system::error_code ec;
        context_.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                                 asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                                 asio::ssl::context::no_tlsv1_1,
                             ec);
        const tls_trust& trust = where.trust;
        if (trust.insecure || !trust.fingerprints.empty()) {
            // A pinned fingerprint is compared after the handshake and before the first byte of a request.
            context_.set_verify_mode(asio::ssl::verify_none, ec);
            return;
        }
        context_.set_verify_mode(asio::ssl::verify_peer, ec);
        if (trust.ca_file.empty())
            context_.set_default_verify_paths(ec);
        else
            context_.load_verify_file(trust.ca_file, ec);
        if (ec) problem_ = fmt::format("cannot load CA file {}: {}", trust.ca_file, ec.message());
    }

    [[nodiscard]] asio::ssl::context& context() { return context_; }
    [[nodiscard]] const std::string& problem() const { return problem_; }

  private:
    asio::ssl::context context_;
    std::string problem_;
};

/// One TCP connection, with TLS or without.
class connection {
  public:
    explicit connection(tcp::socket socket, tls_setup* tls) {
        if (tls)
            tls_ = std::make_unique<tls_stream>(std::move(socket), tls->context());
        else
            plain_ = std::make_unique<tcp::socket>(std::move(socket));
    }

    [[nodiscard]] bool has_tls() const { return tls_ != nullptr; }
    [[nodiscard]] tcp::socket& socket() { return tls_ ? tls_->next_layer() : *plain_; }

    /// TLS handshake and the decision whether this is the server we were told about.
    asio::awaitable<result<void>> introduce(const http_endpoint& where) {
        boost::system::error_code ec;
        asio::ip::make_address(where.host, ec);
        if (ec && !SSL_set_tlsext_host_name(tls_->native_handle(), where.host.c_str()))
            co_return fault(errc::not_delivered, "tls", "cannot set the server name");
        const bool checks_chain = !where.trust.insecure && where.trust.fingerprints.empty();
        if (checks_chain) tls_->set_verify_callback(asio::ssl::host_name_verification(where.host), ec);
        ec = {};
        co_await tls_->async_handshake(asio::ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, ec));
        throw_if_cancelled(ec);
        if (ec) {
            const long verified = SSL_get_verify_result(tls_->native_handle());
            if (checks_chain && verified != X509_V_OK)
                co_return fault(errc::untrusted, "tls",
                                fmt::format("certificate of {} is not trusted: {}", where.host,
                                            X509_verify_cert_error_string(verified)));
            if (checks_chain && ec.message().find("verify failed") != std::string::npos)
                co_return fault(errc::untrusted, "tls",
                                fmt::format("certificate of {} does not carry that name", where.host));
            co_return fault(errc::not_delivered, "tls", ec.message());
        }
        if (!where.trust.fingerprints.empty()) co_return check_fingerprint(where);
        co_return result<void>();
    }

    asio::awaitable<result<std::size_t>> read_some(asio::mutable_buffer into) {
        boost::system::error_code ec;
        std::size_t n = 0;
        if (tls_)
            n = co_await tls_->async_read_some(into, asio::redirect_error(asio::use_awaitable, ec));
        else
            n = co_await plain_->async_read_some(into, asio::redirect_error(asio::use_awaitable, ec));
        throw_if_cancelled(ec);
        if (is_end(ec)) co_return std::size_t{0};
        if (ec) co_return fault(errc::io, "read", ec.message());
        co_return n;
    }

    /// `written` counts what was handed to the system, also when it fails.
    asio::awaitable<result<void>> write(std::string_view bytes, std::size_t& written) {
        boost::system::error_code ec;
        if (tls_)
            written =
                co_await asio::async_write(*tls_, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ec));
        else
            written =
                co_await asio::async_write(*plain_, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ec));
        throw_if_cancelled(ec);
        if (ec) co_return fault(errc::io, "write", ec.message());
        co_return result<void>();
    }

    int requests = 0;
    time_point idle_since{};

  private:
    result<void> check_fingerprint(const http_endpoint& where) {
        X509* certificate = SSL_get1_peer_certificate(tls_->native_handle());
        if (!certificate) return fault(errc::untrusted, "tls", where.host + " showed no certificate");
        const std::string shown = fingerprint_of(certificate);
        X509_free(certificate);
        for (const std::string& wanted : where.trust.fingerprints)
            if (equal_without_case(wanted, shown)) return {};
        return fault(errc::untrusted, "tls",
                     fmt::format("{}:{} shows the fingerprint {}, which is not the configured one; nothing was sent",
                                 where.host, where.port, shown));
    }

    std::unique_ptr<tls_stream> tls_;
    std::unique_ptr<tcp::socket> plain_;
};

asio::awaitable<result<void>> connect_socket(tcp::socket& socket, tcp::endpoint where) {
    boost::system::error_code ec;
    co_await socket.async_connect(where, asio::redirect_error(asio::use_awaitable, ec));
    throw_if_cancelled(ec);
    if (ec) co_return fault(errc::not_delivered, "connect", ec.message());
    co_return result<void>();
}

/// Resolves, connects (every address until one answers) and introduces; `setup` is unused without TLS.
asio::awaitable<result<std::unique_ptr<connection>>> open_connection(time_source& time, resolver& names,
                                                                     const http_endpoint& where, tls_setup& setup,
                                                                     time_point deadline, exchange_times& times) {
    if (!setup.problem().empty()) co_return fault(errc::untrusted, "tls", setup.problem());
    const time_point began = time.now();
    const auto addresses = co_await names.resolve(where.host, address_family::any, deadline);
    if (!addresses) co_return addresses.error();
    times.resolve = time.now() - began;

    const auto executor = co_await asio::this_coro::executor;
    fault last(errc::not_delivered, "connect", "no address");
    for (std::size_t i = 0; i < addresses->size(); ++i) {
        tcp::socket socket(executor);
        const time_point now = time.now();
        const time_point limit = now + (deadline - now) / static_cast<std::int64_t>(addresses->size() - i);
        const auto connected =
            co_await with_deadline(time, limit, connect_socket(socket, tcp::endpoint((*addresses)[i], where.port)));
        if (!connected) {
            last = fault(connected.error().code, "connect", connected.error().detail);
            continue;
        }
        times.connect = time.now() - began - times.resolve;
        boost::system::error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        tls_setup* tls = where.tls ? &setup : nullptr;
        auto opened = std::make_unique<connection>(std::move(socket), tls);
        if (where.tls) {
            const auto introduced = co_await with_deadline(time, deadline, opened->introduce(where));
            if (!introduced) co_return introduced.error();
            times.tls = time.now() - began - times.resolve - times.connect;
        }
        co_return opened;
    }
    co_return last;
}

std::string serialise(const http_request& request, const http_endpoint& where, bool keep_alive) {
    std::string text = request.method + " " + request.target + " HTTP/1.1\r\n";
    bool has_host = false;
    for (const auto& [name, value] : request.headers) has_host = has_host || equal_without_case(name, "host");
    const bool is_v6 = where.host.find(':') != std::string::npos;
    if (!has_host)
        text += fmt::format("Host: {}{}{}:{}\r\n", is_v6 ? "[" : "", where.host, is_v6 ? "]" : "", where.port);
    for (const auto& [name, value] : request.headers) text += name + ": " + value + "\r\n";
    const bool may_have_body = request.method == "POST" || request.method == "PUT";
    // PVE knows no chunked requests and refuses a body on GET and DELETE (pve-facts B.2).
    if (may_have_body) text += fmt::format("Content-Length: {}\r\n", request.body.size());
    text += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
    if (may_have_body) text += request.body;
    return text;
}

/// How far an exchange came; decides whether it may be repeated.
struct progress {
    std::size_t written = 0;
    std::size_t received = 0;
    time_point first_byte{};
};

/// Reads one response. `cut_at` > 0: longer bodies are cut; otherwise longer than `max_body` is garbage.
class response_reader {
  public:
    response_reader(connection& from, time_source& time, std::size_t max_body, bool cuts, progress& how_far)
        : from_(from), time_(time), max_body_(max_body), cuts_(cuts), how_far_(how_far) {
        parser_.eager(true);
        parser_.header_limit(header_limit);
        if (cuts)
            parser_.body_limit(boost::none);
        else
            parser_.body_limit(max_body);
    }

    asio::awaitable<result<http_response>> run() {
        // Small: thousands of probes may be reading at the same time.
        std::array<char, 4096> chunk;
        while (!parser_.is_done()) {
            if (cuts_ && parser_.is_header_done() && parser_.get().body().size() >= max_body_) break;
            const auto n = co_await from_.read_some(asio::buffer(chunk));
            if (!n) co_return fault(errc::outcome_unknown, "read", n.error().detail);
            const auto taken = take(std::string_view(chunk.data(), *n));
            if (!taken) co_return taken.error();
        }
        co_return finish();
    }

    [[nodiscard]] bool keeps_alive() const { return parser_.is_done() && parser_.keep_alive() && pending_.empty(); }

  private:
    result<void> take(std::string_view bytes) {
        boost::system::error_code ec;
        if (bytes.empty()) {
            if (!parser_.got_some()) return fault(errc::outcome_unknown, "read", "the server closed the connection");
            parser_.put_eof(ec);
            if (ec)
                return fault(errc::outcome_unknown, "read",
                             "the server closed the connection in the middle of its answer");
            return {};
        }
        if (how_far_.received == 0) how_far_.first_byte = time_.now();
        how_far_.received += bytes.size();
        pending_.append(bytes);
        while (!pending_.empty() && !parser_.is_done()) {
            const std::size_t used = parser_.put(asio::buffer(pending_), ec);
            pending_.erase(0, used);
            if (ec == http::error::need_more) return {};
            if (ec) return fault(errc::garbage, "read", fmt::format("not a proper HTTP answer: {}", ec.message()));
            if (used == 0) return {};
        }
        return {};
    }

    http_response finish() {
        http_response out;
        auto& message = parser_.get();
        out.status = static_cast<int>(message.result_int());
        out.reason = std::string(message.reason());
        for (const auto& field : message)
            out.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
        out.body = std::move(message.body());
        return out;
    }

    connection& from_;
    time_source& time_;
    std::size_t max_body_;
    bool cuts_;
    progress& how_far_;
    std::string pending_;
    http::response_parser<http::string_body> parser_;
};

asio::awaitable<result<http_response>> converse(connection& with, std::string_view text, response_reader& reader,
                                                progress& how_far) {
    const auto sent = co_await with.write(text, how_far.written);
    // A server that refuses early may answer and close while we still write; its answer counts.
    if (!sent && how_far.written == 0) co_return fault(errc::not_delivered, "write", sent.error().detail);
    auto answer = co_await reader.run();
    co_return answer;
}

}  // namespace

std::string http_response::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (equal_without_case(key, name)) return value;
    return {};
}

std::string fingerprint_of(X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
    std::string out;
    for (unsigned int i = 0; i < size; ++i) out += fmt::format("{}{:02X}", i == 0 ? "" : ":", digest[i]);
    return out;
}

asio::awaitable<result<http_response>> fetch_once(time_source& time, resolver& names, http_endpoint where,
                                                  http_request request, time_point deadline, std::size_t max_body,
                                                  exchange_times& times) {
    tls_setup setup(where);
    auto opened = co_await open_connection(time, names, where, setup, deadline, times);
    if (!opened) co_return opened.error();
    progress how_far;
    const time_point began = time.now();
    const std::string text = serialise(request, where, false);
    response_reader reader(**opened, time, max_body, true, how_far);
    auto answer = co_await with_deadline(time, deadline, converse(**opened, text, reader, how_far));
    if (how_far.received > 0) times.first_byte = how_far.first_byte - began;
    co_return answer;
}

struct http_client::state {
    state(asio::any_io_executor ex, time_source& t, resolver& n, http_endpoint w, http_client_options o)
        : executor(std::move(ex)), time(t), names(n), where(std::move(w)), options(o), tls(where) {}

    /// The freshest idle connection that the server cannot have given up yet.
    std::unique_ptr<connection> take_idle() {
        std::unique_ptr<connection> found;
        while (!idle.empty() && !found) {
            found = std::move(idle.back());
            idle.pop_back();
            if (time.now() - found->idle_since >= options.idle_limit) found.reset();
        }
        return found;
    }

    void put_back(std::unique_ptr<connection> c) {
        if (c->requests >= options.requests_per_connection) return;
        c->idle_since = time.now();
        idle.push_back(std::move(c));
    }

    /// Waits for one of `max_connections` places, first come first served.
    asio::awaitable<result<void>> enter() {
        if (busy < options.max_connections && waiting.empty()) {
            ++busy;
            co_return result<void>();
        }
        const auto turn = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
        waiting.push_back(turn);
        boost::system::error_code ec;
        co_await turn->async_wait(asio::redirect_error(asio::use_awaitable, ec));
        // `leave` removes a waiter before it wakes it and hands its place over; one still listed was cancelled.
        const auto listed = std::find(waiting.begin(), waiting.end(), turn);
        if (listed != waiting.end()) {
            waiting.erase(listed);
            throw boost::system::system_error(asio::error::operation_aborted);
        }
        const auto cancelled = co_await asio::this_coro::cancellation_state;
        if (cancelled.cancelled() != asio::cancellation_type::none) {
            leave();
            throw boost::system::system_error(asio::error::operation_aborted);
        }
        co_return result<void>();
    }

    void leave() {
        if (waiting.empty()) {
            --busy;
            return;
        }
        const auto next = waiting.front();
        waiting.pop_front();
        next->cancel();
    }

    asio::awaitable<result<http_response>> exchange(const http_request& request, time_point deadline) {
        const std::string text = serialise(request, where, true);
        for (bool may_reuse = true;; may_reuse = false) {
            std::unique_ptr<connection> with;
            if (may_reuse) with = take_idle();
            const bool is_reused = with != nullptr;
            if (!with) {
                exchange_times times;
                const time_point limit = std::min(deadline, time.now() + options.connect_limit);
                auto opened = co_await open_connection(time, names, where, tls, limit, times);
                if (!opened) co_return not_delivered(opened.error());
                with = std::move(*opened);
            }
            progress how_far;
            ++with->requests;
            response_reader reader(*with, time, options.max_body, false, how_far);
            auto answer = co_await with_deadline(time, deadline, converse(*with, text, reader, how_far));
            if (answer) {
                if (reader.keeps_alive()) put_back(std::move(with));
                co_return answer;
            }
            const bool was_stale = is_reused && how_far.received == 0 && answer.error().code != errc::timed_out;
            if (was_stale && (request.method == "GET" || how_far.written == 0)) continue;
            if (answer.error().code == errc::garbage || answer.error().code == errc::not_delivered) co_return answer;
            co_return fault(
                errc::outcome_unknown, name(),
                answer.error().code == errc::timed_out ? "no complete answer in time" : answer.error().detail);
        }
    }

    [[nodiscard]] std::string name() const { return fmt::format("{}:{}", where.host, where.port); }

    fault not_delivered(const fault& f) const {
        const errc code = f.code == errc::untrusted ? errc::untrusted : errc::not_delivered;
        return fault(code, name(), f.code == errc::timed_out ? "no connection in time" : f.detail);
    }

    asio::any_io_executor executor;
    time_source& time;
    resolver& names;
    http_endpoint where;
    http_client_options options;
    tls_setup tls;
    std::vector<std::unique_ptr<connection>> idle;
    std::deque<std::shared_ptr<asio::steady_timer>> waiting;
    std::size_t busy = 0;
};

http_client::http_client(asio::any_io_executor executor, time_source& time, resolver& names, http_endpoint where,
                         http_client_options options)
    : state_(std::make_shared<state>(std::move(executor), time, names, std::move(where), options)) {}

http_client::~http_client() = default;

void http_client::close_idle() { state_->idle.clear(); }

asio::awaitable<result<http_response>> http_client::send(http_request request, time_point deadline) {
    const auto s = state_;
    const auto entered = co_await with_deadline(s->time, deadline, s->enter());
    if (!entered) co_return fault(errc::not_delivered, s->name(), "all connections were busy until the time limit");
    struct leaver {
        explicit leaver(state& st) : of(st) {}
        ~leaver() { of.leave(); }
        leaver(const leaver&) = delete;
        leaver& operator=(const leaver&) = delete;
        state& of;
    };
    const leaver at_the_end(*s);
    auto answer = co_await s->exchange(request, deadline);
    co_return answer;
}

}  // namespace steward::net
