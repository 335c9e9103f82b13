#pragma once
#include "base/result.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>
#include <utility>
#include <vector>

namespace steward {

/// How a program ended.
class program_end {
  public:
    int status = 0;       ///< its exit status; 128 + the signal that ended it
    std::string output;   ///< of both streams, the beginning
    bool is_cut = false;  ///< there was more output than is kept
};

/// What is to be run.
class program_start {
  public:
    explicit program_start(std::vector<std::string> words) : argv(std::move(words)) {}
    std::vector<std::string> argv;         ///< argv[0] is an absolute path; no shell
    std::vector<std::string> environment;  ///< "NAME=value", beside PATH: nothing is inherited
    std::string input;                     ///< its standard input
    std::size_t most_output = 64U << 10U;  ///< bytes; what comes after that is read and dropped
};

/// Where programs are looked for by those that we run.
inline constexpr const char* program_path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a program without a shell, in a process group of its own. When it ends, `limit` passes, or the caller is
/// cancelled, the whole group is killed: what it left running in the background as well. After `limit` what it has
/// said so far is in `said`, if that is given. Errors: `invalid` (no absolute path), `not_delivered` (it could not be
/// started), `timed_out`.
[[nodiscard]] boost::asio::awaitable<result<program_end>> run_program(time_source& time, program_start what,
                                                                      duration limit, std::string* said = nullptr);

/// The same with an empty standard input and at most 64 KiB of output.
[[nodiscard]] boost::asio::awaitable<result<program_end>> run_program(time_source& time, std::vector<std::string> argv,
                                                                      duration limit);

}  // namespace steward
