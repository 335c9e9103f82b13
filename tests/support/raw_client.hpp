#pragma once
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace steward {

/// A client that sends bytes, whatever they are, and keeps what comes back; over TLS (trusting anybody) or without.
/// It works while the io_context runs.
class raw_client {
  public:
    enum class how { tls, plain };
    raw_client(boost::asio::io_context& io, std::uint16_t port, how with = how::tls);
    /// Closes at once, in the middle of whatever happens.
    ~raw_client();
    raw_client(const raw_client&) = delete;
    raw_client& operator=(const raw_client&) = delete;

    /// After what was sent before, and after the handshake.
    void send(std::string bytes);
    [[nodiscard]] const std::string& received() const;
    /// The server closed, or refused the handshake.
    [[nodiscard]] bool is_closed() const;
    [[nodiscard]] bool is_connected() const;

  private:
    class state;
    std::shared_ptr<state> state_;
};

}  // namespace steward
