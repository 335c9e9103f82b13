#pragma once
#include "net/http.hpp"
#include "pve/transport.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace steward::pve {

/// Who we are towards PVE: an API token, or a user with a password (then tickets are fetched and renewed).
class credentials {
  public:
    std::string token;  ///< "user@realm!tokenid=secret"
    std::string user;   ///< "user@realm"
    std::string password;
    std::string totp_key;  ///< decoded secret of the user's second factor (totp.hpp); empty: none
};

/// What a call shows at the door.
class pass {
  public:
    /// Authorization, or Cookie and, for writes, CSRFPreventionToken (pve-facts A.4, A.5).
    [[nodiscard]] net::http_headers headers(bool is_write) const;

    std::string token;
    std::string cookie;
    std::string csrf;
    std::uint64_t number = 0;  ///< counts log-ins
};

/// Sends one POST /access/ticket; may be repeated on any endpoint.
using ticket_call = std::function<boost::asio::awaitable<result<net::http_response>>(request, time_point deadline)>;

/// Gets and keeps the right to call. A ticket lives two hours; it is renewed after one, with itself as the password,
/// which spares secret and second factor (pve-facts A.2). However many callers need one, one log-in is under way at a
/// time; while a renewal is, the others go on with the old ticket. Nothing here knows sockets.
///
/// Errors of `enter`: unauthorized (refused: asked again only after a pause, because PVE locks a second factor after
/// a few wrong answers), garbage, and what the call itself came to.
class login {
  public:
    login(time_source& time, credentials who, ticket_call ask);
    login(const login&) = delete;
    login& operator=(const login&) = delete;

    [[nodiscard]] boost::asio::awaitable<result<pass>> enter(time_point deadline);
    /// PVE answered 401 to this pass. Tells whether a new one may help: never for a token.
    [[nodiscard]] bool refused(const pass& used);

  private:
    class flight;
    class ticket {
      public:
        std::string cookie;
        std::string csrf;
        std::string text;
        time_point since{};
        std::uint64_t number = 0;
    };
    class ticket_answer;

    [[nodiscard]] pass current() const;
    [[nodiscard]] boost::asio::awaitable<result<void>> lead(time_point deadline);
    [[nodiscard]] boost::asio::awaitable<result<void>> obtain(time_point deadline);
    [[nodiscard]] boost::asio::awaitable<result<void>> renew(time_point deadline);
    [[nodiscard]] boost::asio::awaitable<result<void>> log_in(time_point deadline);
    [[nodiscard]] boost::asio::awaitable<result<std::string>> second_factor(time_point deadline);
    [[nodiscard]] boost::asio::awaitable<result<ticket_answer>> ask_for_ticket(parameters form, time_point deadline);
    void keep(ticket_answer answer);

    time_source& time_;
    credentials who_;
    ticket_call ask_;
    std::optional<ticket> ticket_;
    std::shared_ptr<flight> under_way_;
    std::optional<fault> refusal_;
    time_point refused_until_{};
    time_point no_renewal_before_{};
    std::uint64_t log_ins_ = 0;
    std::optional<std::uint64_t> used_code_;  ///< step of the last one-time password: PVE takes each once
};

}  // namespace steward::pve
