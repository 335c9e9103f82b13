#pragma once
#include "base/result.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>
#include <vector>

namespace steward {

/// How a program ended.
class program_end {
  public:
    int status = 0;      ///< its exit status; 128 + the signal that ended it
    std::string output;  ///< of both streams, at most 64 KiB; what came after that is dropped
};

/// Runs a program without a shell, in a process group of its own, with nothing on its standard input and only PATH in
/// its environment. When `limit` passes, or the caller is cancelled, the whole group is killed. Errors: `invalid` (no
/// absolute path), `not_delivered` (it could not be started), `timed_out`.
[[nodiscard]] boost::asio::awaitable<result<program_end>> run_program(time_source& time, std::vector<std::string> argv,
                                                                      duration limit);

}  // namespace steward
