#include "net/connection.hpp"

#include "net/cancelled.hpp"
#include "net/peer.hpp"
#include "net/probing.hpp"
#include "net/tls.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <sys/socket.h>

namespace steward::net {
namespace asio = boost::asio;
using asio::ip::tcp;

class tls_setup::context {
  public:
    context() : with(asio::ssl::context::tls_client) {}
    asio::ssl::context with;
};

namespace {

// --- recognising the server ------------------------------------------------------------------------------------------

/// The pin of one handshake: what is wanted, and what the server showed.
struct pin {
    const std::vector<std::string>* wanted = nullptr;
    std::string shown;
};

/// Upper case without colons: people paste fingerprints in both forms.
std::string plain_hex(std::string_view fingerprint) {
    std::string out;
    for (const char c : fingerprint)
        if (c != ':') out += c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

int pin_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

/// Called by OpenSSL in the middle of the handshake, instead of looking at chain and name.
int check_pin(X509_STORE_CTX* store, void*) {
    const auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* const p = static_cast<pin*>(SSL_get_ex_data(ssl, pin_index()));
    X509* const leaf = X509_STORE_CTX_get0_cert(store);
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    if (!p || !leaf) return 0;
    p->shown = fingerprint_of(leaf);
    for (const std::string& wanted : *p->wanted) {
        if (p->shown.empty() || plain_hex(wanted) != plain_hex(p->shown)) continue;
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    return 0;
}

enum class recognition { anybody, by_pin, by_chain };

recognition recognition_of(const tls_trust& trust) {
    if (!trust.fingerprints.empty()) return recognition::by_pin;
    return trust.insecure ? recognition::anybody : recognition::by_chain;
}

result<std::string> text_of(const std::string& path, std::string_view what) {
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (file.is_open() && !file.bad()) return text;
    return fault(errc::untrusted, "tls",
                 fmt::format("cannot read {} {}: {}", what, path, std::generic_category().message(errno)));
}

/// What makes two contexts interchangeable: the files' texts rather than their paths, so that a new file is noticed.
class context_key {
  public:
    std::string recognition;  ///< the CA's text, or a word
    std::string certificate;  ///< ours
    std::string private_key;
    auto operator<=>(const context_key&) const = default;
};

result<context_key> key_of(const tls_trust& trust) {
    context_key key;
    switch (recognition_of(trust)) {
        case recognition::anybody: key.recognition = "anybody"; break;
        case recognition::by_pin: key.recognition = "pin"; break;
        case recognition::by_chain: key.recognition = "system"; break;
    }
    if (recognition_of(trust) == recognition::by_chain && !trust.ca_file.empty()) {
        auto ca = text_of(trust.ca_file, "CA file");
        if (!ca) return ca.error();
        key.recognition = std::move(*ca);
    }
    if (trust.client_certificate.empty()) return key;
    auto own = text_of(trust.client_certificate, "client certificate");
    if (!own) return own.error();
    auto secret = text_of(trust.client_key, "client key");
    if (!secret) return secret.error();
    key.certificate = std::move(*own);
    key.private_key = std::move(*secret);
    return key;
}

/// Our own certificate, for servers that ask for one.
std::string introduce_us(asio::ssl::context& with, const tls_trust& trust, const context_key& key) {
    boost::system::error_code ec;
    with.use_certificate_chain(asio::buffer(key.certificate), ec);
    if (ec) return fmt::format("cannot use client certificate {}: {}", trust.client_certificate, ec.message());
    with.use_private_key(asio::buffer(key.private_key), asio::ssl::context::pem, ec);
    if (!ec && SSL_CTX_check_private_key(with.native_handle()) == 1) return {};
    return fmt::format("cannot use client key {}: {}", trust.client_key,
                       ec ? ec.message() : "it is not the key of the certificate");
}

std::string prepare(asio::ssl::context& with, const tls_trust& trust, const context_key& key) {
    boost::system::error_code ec;
    if (!key.certificate.empty())
        if (std::string why = introduce_us(with, trust, key); !why.empty()) return why;
    with.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                         asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1,
                     ec);
    const recognition how = recognition_of(trust);
    with.set_verify_mode(how == recognition::anybody ? asio::ssl::verify_none : asio::ssl::verify_peer, ec);
    if (how == recognition::by_pin) SSL_CTX_set_cert_verify_callback(with.native_handle(), check_pin, nullptr);
    if (how != recognition::by_chain) return {};
    if (trust.ca_file.empty())
        with.set_default_verify_paths(ec);
    else
        with.add_certificate_authority(asio::buffer(key.recognition), ec);
    return ec ? fmt::format("cannot load CA file {}: {}", trust.ca_file, ec.message()) : std::string();
}

/// Contexts in use or used lately. A handful: there are about as many as CA files in the configuration.
class context_shelf {
  public:
    std::shared_ptr<tls_setup::context> find(const context_key& key) {
        const std::lock_guard guard(lock_);
        const auto found = all_.find(key);
        return found == all_.end() ? nullptr : found->second;
    }
    void keep(const context_key& key, std::shared_ptr<tls_setup::context> made) {
        constexpr std::size_t most = 16;
        const std::lock_guard guard(lock_);
        if (all_.size() >= most) all_.clear();
        all_[key] = std::move(made);
    }

  private:
    std::mutex lock_;
    std::map<context_key, std::shared_ptr<tls_setup::context>> all_;
};

context_shelf& shelf() {
    static context_shelf the_only;
    return the_only;
}

// --- connections -----------------------------------------------------------------------------------------------------

bool is_quiet_socket(tcp::socket& socket) {
    char byte = 0;
    const ssize_t n = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/// The same for sockets and TLS streams; a reset is no orderly end, a TLS peer without close_notify passes for one.
template <class Stream>
class connection_over : public connection {
  public:
    explicit connection_over(Stream stream) : stream_(std::move(stream)) {}

    asio::awaitable<result<std::size_t>> read_some(asio::mutable_buffer into) override {
        boost::system::error_code ec;
        const std::size_t n = co_await stream_.async_read_some(into, asio::redirect_error(asio::use_awaitable, ec));
        throw_if_cancelled(ec);
        if (ec == asio::error::eof || ec == asio::ssl::error::stream_truncated) co_return std::size_t{0};
        if (ec) co_return fault(errc::io, "read", ec.message());
        co_return n;
    }

    asio::awaitable<result<void>> write(std::string_view bytes, std::size_t& written) override {
        boost::system::error_code ec;
        written =
            co_await asio::async_write(stream_, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ec));
        throw_if_cancelled(ec);
        if (ec) co_return fault(errc::io, "write", ec.message());
        co_return result<void>();
    }

  protected:
    Stream stream_;
};

class plain_connection final : public connection_over<tcp::socket> {
  public:
    using connection_over::connection_over;
    bool is_quiet() override { return is_quiet_socket(stream_); }
};

class tls_connection final : public connection_over<tls_stream> {
  public:
    tls_connection(tcp::socket socket, std::shared_ptr<tls_setup::context> context)
        : connection_over(tls_stream(std::move(socket), context->with)), context_(std::move(context)) {}

    bool is_quiet() override {
        return SSL_pending(stream_.native_handle()) == 0 && is_quiet_socket(stream_.next_layer());
    }

    /// TLS handshake, and in it the decision whether this is the server we were told about.
    asio::awaitable<result<void>> introduce(http_endpoint where) {
        pin expected;
        expected.wanted = &where.trust.fingerprints;
        if (!prepare_handshake(where, expected))
            co_return fault(errc::not_delivered, "tls", "OpenSSL refused the settings");
        boost::system::error_code ec;
        co_await stream_.async_handshake(asio::ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, ec));
        SSL_set_ex_data(stream_.native_handle(), pin_index(), nullptr);
        throw_if_cancelled(ec);
        if (!ec) co_return result<void>();
        const long verified = SSL_get_verify_result(stream_.native_handle());
        if (recognition_of(where.trust) == recognition::anybody || verified == X509_V_OK)
            co_return fault(errc::not_delivered, "tls", ec.message());
        co_return fault(errc::untrusted, "tls", why_untrusted(where, verified, expected.shown));
    }

    /// After that.
    void describe(peer_facts& into) { describe_peer(stream_.native_handle(), into); }

  private:
    bool prepare_handshake(const http_endpoint& where, pin& expected) {
        SSL* const ssl = stream_.native_handle();
        boost::system::error_code not_an_address;
        const std::string& name = name_of(where);
        const auto address = asio::ip::make_address(name, not_an_address);
        // RFC 6066: server names are names, never addresses.
        bool good = !not_an_address || SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
        switch (recognition_of(where.trust)) {
            case recognition::anybody: return good;
            case recognition::by_pin: return good && SSL_set_ex_data(ssl, pin_index(), &expected) == 1;
            case recognition::by_chain: break;
        }
        X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl);
        if (where.trust.ignores_expiry) X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_NO_CHECK_TIME);
        if (not_an_address) return good && X509_VERIFY_PARAM_set1_host(rules, name.c_str(), name.size()) == 1;
        return good && X509_VERIFY_PARAM_set1_ip_asc(rules, address.to_string().c_str()) == 1;
    }

    static const std::string& name_of(const http_endpoint& where) {
        return where.server_name.empty() ? where.host : where.server_name;
    }

    static std::string why_untrusted(const http_endpoint& where, long verified, const std::string& shown) {
        if (recognition_of(where.trust) == recognition::by_pin)
            return fmt::format("{}:{} shows the fingerprint {}, which is not the configured one; nothing was sent",
                               where.host, where.port, shown);
        if (verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH)
            return fmt::format("certificate of {} does not carry that name", name_of(where));
        return fmt::format("certificate of {} is not trusted: {}", name_of(where),
                           X509_verify_cert_error_string(verified));
    }

    std::shared_ptr<tls_setup::context> context_;
};

asio::awaitable<result<boost::system::error_code>> connect_socket(tcp::socket& socket, tcp::endpoint where) {
    boost::system::error_code ec;
    co_await socket.async_connect(where, asio::redirect_error(asio::use_awaitable, ec));
    throw_if_cancelled(ec);
    co_return ec;
}

/// A server that said no, or nothing, is worth more than an address that we had no way to.
asio::awaitable<result<tcp::socket>> connect_any(time_source& time, std::vector<asio::ip::address> addresses,
                                                 std::uint16_t port, time_point deadline) {
    const auto executor = co_await asio::this_coro::executor;
    fault answer(errc::not_delivered, "connect", "no address");
    bool is_ours = true;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        tcp::socket socket(executor);
        const time_point now = time.now();
        const time_point limit = now + (deadline - now) / static_cast<std::int64_t>(addresses.size() - i);
        const tcp::endpoint where(addresses[i], port);
        const auto tried = co_await with_deadline(time, limit, connect_socket(socket, where));
        if (tried && !*tried) co_return std::move(socket);
        const bool is_own_trouble = tried && probing::own_trouble(*tried);
        if (is_own_trouble && !is_ours) continue;
        is_ours = is_own_trouble;
        if (tried)
            answer = fault(errc::not_delivered, "connect", tried->message());
        else
            answer = fault(errc::timed_out, "connect", tried.error().detail);
    }
    co_return answer;
}

}  // namespace

tls_setup::tls_setup(const http_endpoint& where) {
    if (!where.tls) return;
    const auto key = key_of(where.trust);
    if (!key) {
        problem_ = key.error().detail;
        return;
    }
    context_ = shelf().find(*key);
    if (context_) return;
    context_ = std::make_shared<context>();
    problem_ = prepare(context_->with, where.trust, *key);
    if (problem_.empty()) shelf().keep(*key, context_);
}

asio::awaitable<result<std::unique_ptr<connection>>> connection::open(time_source& time, resolver& names,
                                                                      http_endpoint where, tls_setup setup,
                                                                      time_point deadline, exchange_times& times) {
    if (!setup.problem().empty()) co_return fault(errc::untrusted, "tls", setup.problem());
    const time_point began = time.now();
    auto addresses = co_await names.resolve(where.host, address_family::any, deadline);
    if (!addresses) co_return addresses.error();
    times.resolve = time.now() - began;
    auto connected = co_await connect_any(time, std::move(*addresses), where.port, deadline);
    if (!connected) co_return connected.error();
    times.connect = time.now() - began - times.resolve;
    boost::system::error_code ignored;
    connected->set_option(tcp::no_delay(true), ignored);
    if (const auto peer = connected->remote_endpoint(ignored); !ignored)
        times.peer.address = peer.address().is_v6() ? fmt::format("[{}]:{}", peer.address().to_string(), peer.port())
                                                    : fmt::format("{}:{}", peer.address().to_string(), peer.port());
    std::unique_ptr<connection> made;
    if (!where.tls) {
        made = std::make_unique<plain_connection>(std::move(*connected));
        co_return made;
    }
    auto secured = std::make_unique<tls_connection>(std::move(*connected), setup.shared());
    const auto introduced = co_await with_deadline(time, deadline, secured->introduce(std::move(where)));
    if (!introduced) co_return introduced.error();
    times.tls = time.now() - began - times.resolve - times.connect;
    secured->describe(times.peer);
    made = std::move(secured);
    co_return made;
}

}  // namespace steward::net
