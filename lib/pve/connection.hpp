#pragma once
#include "pve/api/session.hpp"
#include "pve/api/start.hpp"
#include "pve/credential_files.hpp"
#include "pve/https_transport.hpp"
#include "pve/retry.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace steward::pve {

/// What a program says about the cluster it wants to talk to.
class connection_options {
  public:
    connection_options() {}
    /// A node: "n1", "192.0.2.11:8006", "[2001:db8::1]:8006".
    explicit connection_options(std::string endpoint) { with_endpoint(std::move(endpoint)); }

    /// One more node, tried when those before it are dead.
    connection_options& with_endpoint(std::string endpoint) { return endpoints.push_back(std::move(endpoint)), *this; }
    connection_options& with_token_file(std::string file) { return who.token_file = std::move(file), *this; }
    connection_options& with_password_file(std::string user, std::string file) {
        return who.user = std::move(user), who.password_file = std::move(file), *this;
    }
    connection_options& with_totp_file(std::string file) { return who.totp_file = std::move(file), *this; }
    /// SHA-256 of a node's certificate, "AB:CD:…"; several for several nodes.
    connection_options& with_fingerprint(std::string print) {
        return trust.fingerprints.push_back(std::move(print)), *this;
    }
    connection_options& with_ca_file(std::string file) { return trust.ca_file = std::move(file), *this; }

    std::vector<std::string> endpoints;
    credential_files who;
    net::tls_trust trust;  ///< nothing set: the system's CA store
    duration request_limit = std::chrono::seconds(30);
    https_options wire;
    retry_options repeats = four_times();  ///< of what is safe to repeat

  private:
    static retry_options four_times() {
        retry_options r;
        r.attempts = 4;
        return r;
    }
};

/// A cluster for a program of its own: the loop, the names, the log-in, the session. A mistake in the options (a token
/// file that everybody may read, say) is the fault of each call.
///
///     pve::connection cluster(pve::connection_options("n1").with_token_file("token").with_fingerprint("AB:CD:…"));
///     return cluster.run(list(cluster));
class connection {
  public:
    explicit connection(connection_options options);
    ~connection();
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    [[nodiscard]] api::session& session();
    [[nodiscard]] api::root api() { return api::root(session()); }
    [[nodiscard]] transport& wire();
    [[nodiscard]] boost::asio::io_context& loop();
    /// Runs the loop until `program` has ended, and gives back what it returned; what it threw is thrown.
    int run(boost::asio::awaitable<int> program);

  private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace steward::pve
