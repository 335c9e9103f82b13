#include "services/leadership/fence_agents.hpp"

#include "base/log.hpp"
#include "runtime/run_program.hpp"

#include <fmt/core.h>

namespace steward {
namespace asio = boost::asio;

namespace {

constexpr int status_off = 2;

/// The last line that says something; an agent is a stranger, so only what can be printed.
std::string last_words(const std::string& output) {
    const std::size_t end = output.find_last_not_of(" \n\r\t");
    if (end == std::string::npos) return "it says nothing";
    const std::size_t line = output.find_last_of('\n', end);
    std::string words = output.substr(line == std::string::npos ? 0 : line + 1, 200);
    for (char& c : words)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return words;
}

}  // namespace

asio::awaitable<result<void>> exec_fence_agents::switch_off(node_name node) {
    const auto found = agents_.find(node);
    if (found == agents_.end())
        co_return fault(errc::unsupported, "", "no fence agent is configured for " + node.str());
    const config::fence_agent agent = found->second;
    std::vector<std::string> off = agent.command;
    off.insert(off.end(), {"-o", "off"});
    log::warning("fence.off", {{"node", node.str()}, {"reason", agent.command.front()}});
    const auto done = co_await run_program(time_, std::move(off), agent.timeout);
    if (!done) co_return done.error();
    if (done->status != 0)
        co_return fault(
            errc::task_failed, agent.command.front(),
            fmt::format("could not switch {} off: exit {}, {}", node.str(), done->status, last_words(done->output)));
    std::vector<std::string> ask = agent.command;
    ask.insert(ask.end(), {"-o", "status"});
    const auto status = co_await run_program(time_, std::move(ask), agent.timeout);
    if (!status) co_return status.error();
    if (status->status != status_off)
        co_return fault(errc::task_failed, agent.command.front(),
                        fmt::format("says that it switched {} off, but its status is not off: exit {}, {}", node.str(),
                                    status->status, last_words(status->output)));
    co_return result<void>();
}

}  // namespace steward
