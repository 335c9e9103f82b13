#pragma once
#include "base/result.hpp"
#include "base/verdict.hpp"
#include "net/probe.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/system/error_code.hpp>

#include <optional>
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
    explicit recorder(time_source& time) : time_(time), began_(time.now()), phase_began_(began_) {}
    /// The phase that just ended.
    void phase(std::string name);
    [[nodiscard]] probe_result finish(verdict answer, std::string reason);

  private:
    time_source& time_;
    time_point began_;
    time_point phase_began_;
    probe_result result_;
};

/// Addresses of a host; a name is looked up and the look-up recorded as phase "resolve".
[[nodiscard]] boost::asio::awaitable<result<std::vector<boost::asio::ip::address>>> addresses_of(
    resolver& names, std::string host, address_family family, time_point deadline, recorder& notes);

}  // namespace steward::net::probing
