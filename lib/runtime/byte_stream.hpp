#pragma once
#include "base/result.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

/// Bytes that are too many to be held in memory.
namespace steward {

class byte_source {
  public:
    virtual ~byte_source() = default;
    /// How many bytes there are; known before the first is read.
    [[nodiscard]] virtual std::uint64_t size() const = 0;
    /// The next bytes; zero at the end.
    [[nodiscard]] virtual boost::asio::awaitable<result<std::size_t>> read(boost::asio::mutable_buffer into) = 0;
};

class byte_sink {
  public:
    virtual ~byte_sink() = default;
    /// All of `bytes`, which stay valid until it returns. A fault ends the transfer.
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> write(std::string_view bytes) = 0;
};

}  // namespace steward
