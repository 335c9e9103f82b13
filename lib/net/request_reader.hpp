#pragma once
#include "net/http.hpp"

#include <string>
#include <string_view>

namespace steward::net {

/// Reads one HTTP request out of bytes as they come, the way PVE's own server reads it (pve-facts B.2): lines end with
/// or without CR, header lines may be folded, and what is too much is not even refused. Pure; memory is bounded by the
/// limits below and by the body that its owner agrees to read.
class request_reader {
  public:
    enum class stage {
        head,      ///< more bytes are needed
        judge,     ///< the head is complete: say `read_body` or `leave_body`
        body,      ///< more bytes are needed
        complete,  ///< the request is there; what follows it stays in the buffer
        refused,   ///< answer `status` and `reason`, then close
        ignored,   ///< never answer
    };
    static constexpr std::size_t most_lines = 64;           ///< so many and more: ignored
    static constexpr std::size_t largest_head = 8U << 10U;  ///< the same for the bytes of its lines

    /// Takes from the front of `bytes` what belongs to this request.
    stage read(std::string& bytes);
    /// At `judge`: the body is read, or nothing of it.
    stage read_body();
    stage leave_body();

    [[nodiscard]] stage now() const { return stage_; }
    [[nodiscard]] http_request& request() { return request_; }
    [[nodiscard]] const http_request& request() const { return request_; }
    /// What Content-Length announces; what is no number announces nothing.
    [[nodiscard]] std::size_t announced() const;
    /// Whether the client wants to go on, and we can know where the next request begins.
    [[nodiscard]] bool keeps_alive() const;
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] const std::string& reason() const { return reason_; }

  private:
    stage refuse(int status, std::string reason);
    stage take_request_line(std::string_view line);
    stage take_header_line(std::string_view line);

    stage stage_ = stage::head;
    http_request request_;
    bool has_request_line_ = false;
    bool is_body_left_ = false;
    std::size_t lines_ = 0;
    std::size_t bytes_ = 0;
    int status_ = 0;
    std::string reason_;
};

}  // namespace steward::net
