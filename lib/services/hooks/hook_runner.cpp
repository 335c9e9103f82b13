#include "services/hooks/hook_runner.hpp"

#include "runtime/run_program.hpp"

#include <fmt/core.h>

namespace steward {
namespace asio = boost::asio;

asio::awaitable<hook_end> exec_hook_runner::run(hook_call what) {
    program_start start(std::move(what.command));
    start.environment = std::move(what.environment);
    start.input = std::move(what.input);
    start.most_output = most_output;
    hook_end end;
    const auto ended = co_await run_program(time_, std::move(start), what.limit, &end.output);
    if (ended) {
        end.output = ended->output;
        if (ended->status != 0)
            end.problem = ended->status > 128 ? fmt::format("ended by signal {}", ended->status - 128)
                                              : fmt::format("exit {}", ended->status);
    } else if (ended.error().code == errc::timed_out) {
        end.is_timed_out = true;
        end.problem = fmt::format("did not end within {} and was killed", format_duration(what.limit));
    } else {
        end.problem = ended.error().text();
    }
    co_return end;
}

}  // namespace steward
