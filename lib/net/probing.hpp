#pragma once
#include "base/result.hpp"
#include "base/verdict.hpp"
#include "net/probe.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/system/error_code.hpp>

#include <optional>
#include <string_view>
#include <vector>

/// What the probes share. Private to this room.
namespace steward::net::probing {

/// Whose fault is a failed connect or send? Nothing when it is the other side's (or the network's) answer; else why we
/// could not look. An error nobody thought of is ours: only a known answer may count against the guest (reliability
/// I9).
[[nodiscard]] std::optional<std::string> own_trouble(const boost::system::error_code& ec);
/// The same for what fetch_once says: its not_delivered carries the system's words.
[[nodiscard]] std::optional<std::string> own_trouble(const fault& f);

/// The system's words as part of a sentence: "connection refused".
[[nodiscard]] std::string in_words(const boost::system::error_code& ec);
[[nodiscard]] std::string in_words(std::string system_text);

/// When to give up on one address of several, so that a silent one leaves time for the others.
[[nodiscard]] time_point share_of(time_point now, time_point deadline, std::size_t addresses_left);

/// The beginning of what came, fit to be shown: no control characters, at most 80 of them.
[[nodiscard]] std::string shown(std::string_view bytes);

/// "no answer within 3s"
[[nodiscard]] std::string silence(duration limit);

/// What one address came to, or all of them: one that said no is evidence, one that we could not look at is none.
class findings {
  public:
    void said_no(std::string reason) { no_ = std::move(reason); }
    void could_not_look(std::string reason) { trouble_ = std::move(reason); }
    [[nodiscard]] verdict answer() const { return no_ ? verdict::unhealthy : verdict::unknown; }
    [[nodiscard]] std::string reason() const { return no_ ? *no_ : trouble_; }

  private:
    std::optional<std::string> no_;
    std::string trouble_;
};

/// The probe's answer with everything that was measured so far.
class recorder {
  public:
    explicit recorder(time_source& time, bool is_explained = false)
        : time_(time), began_(time.now()), phase_began_(began_), is_explained_(is_explained) {}
    /// The phase that just ended.
    void phase(std::string name);
    /// Kept only when somebody asked for explanations.
    void detail(std::string name, std::string text);
    void warn(std::string text) { result_.warning = std::move(text); }
    [[nodiscard]] probe_result finish(verdict answer, std::string reason);

  private:
    time_source& time_;
    time_point began_;
    time_point phase_began_;
    bool is_explained_;
    probe_result result_;
};

using addresses = std::vector<boost::asio::ip::address>;

/// Whom a probe asks.
class target {
  public:
    target(std::string whom, std::uint16_t at) : host(std::move(whom)), port(at) {}
    std::string host;
    std::uint16_t port;  ///< 0: none
    address_family family = address_family::any;
};

/// Those of `found` that may be probed; a fault with the reason when there is none. Names of API servers with the same
/// port are looked up, to see whether they are the target by another name.
[[nodiscard]] boost::asio::awaitable<result<addresses>> permitted(resolver& names, const target& whom, addresses found,
                                                                  const target_rules* rules, time_point deadline);

/// Addresses of a host that may be probed; a name is looked up once, and the look-up recorded as phase "resolve".
[[nodiscard]] boost::asio::awaitable<result<addresses>> addresses_of(resolver& names, target whom,
                                                                     const target_rules* rules, time_point deadline,
                                                                     recorder& notes);

}  // namespace steward::net::probing
