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

/// Whose fault is a failed connect or send? Nothing when it is the other side's answer; else why we could not look.
[[nodiscard]] std::optional<std::string> own_trouble(const boost::system::error_code& ec);

/// "no answer within 3s"
[[nodiscard]] std::string silence(duration limit);

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
[[nodiscard]] boost::asio::awaitable<result<std::vector<boost::asio::ip::address>>> addresses_of(resolver& names, std::string host,
                                                                                                 address_family family,
                                                                                                 time_point deadline,
                                                                                                 recorder& notes);

}  // namespace steward::net::probing
