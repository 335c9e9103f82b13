#pragma once
#include "net/connection.hpp"
#include "net/gunzip.hpp"
#include "runtime/byte_stream.hpp"

#include <cstdint>
#include <functional>
#include <memory>

/// Private to this room.
namespace steward::net {

/// How far an exchange came; decides whether it may be repeated.
class progress {
  public:
    std::uint64_t written = 0;
    std::uint64_t received = 0;
    time_point first_byte{};
    time_point last_byte{};  ///< when something moved last, in either direction
};

/// Reads one response, and unpacks gzip. Whatever the server sends, memory stays bounded; time is the caller's.
class response_reader {
  public:
    enum class too_long { is_garbage, is_cut_off };  ///< a body above `max_body`
    response_reader(connection& from, time_source& time, std::size_t max_body, too_long how, progress& how_far);
    ~response_reader();
    response_reader(const response_reader&) = delete;
    response_reader& operator=(const response_reader&) = delete;

    /// The answer to HEAD, whatever length it announces.
    void expect_no_body();
    /// The body of a 2xx answer goes there, at most `most` bytes of it; `moving` hears how many it was so far.
    void pour_into(byte_sink& sink, std::uint64_t most, std::function<void(std::uint64_t)> moving);
    /// Errors: outcome_unknown (the connection ended or broke), garbage; and what the sink says.
    [[nodiscard]] boost::asio::awaitable<result<http_response>> run();
    /// After `run`: the connection can carry another request.
    [[nodiscard]] bool keeps_alive() const;

  private:
    class parsing;
    [[nodiscard]] boost::asio::awaitable<result<void>> pour();
    [[nodiscard]] boost::asio::awaitable<result<void>> hand_over(std::string& bytes);
    [[nodiscard]] result<void> unpack();

    connection& from_;
    time_source& time_;
    progress& how_far_;
    std::unique_ptr<parsing> parsing_;
    byte_sink* sink_ = nullptr;
    std::unique_ptr<gunzip> unpacking_;
    std::string plain_;
    std::uint64_t most_ = 0;
    std::uint64_t poured_ = 0;
    std::function<void(std::uint64_t)> moving_;
};

}  // namespace steward::net
