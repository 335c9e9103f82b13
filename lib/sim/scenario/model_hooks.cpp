#include "sim/scenario/model_hooks.hpp"

namespace steward::sim {
namespace asio = boost::asio;

asio::awaitable<hook_end> model_hooks::run(hook_call what) {
    mood how = mood::works;
    if (on_run) how = on_run(what);
    hook_end end;
    duration takes = std::chrono::seconds(2);
    if (how == mood::hangs) takes = what.limit;
    co_await time_.sleep_for(takes);
    end.is_timed_out = how == mood::hangs;
    if (how == mood::hangs) end.problem = "did not end within " + format_duration(what.limit) + " and was killed";
    if (how == mood::fails) end.problem = "exit 1";
    if (how != mood::works) end.output = "the database has no other copy\n";
    co_return end;
}

std::string told(const hook_call& call, const std::string& name) {
    const std::string beginning = "STEWARD_" + name + "=";
    for (const std::string& line : call.environment)
        if (line.starts_with(beginning)) return line.substr(beginning.size());
    return {};
}

}  // namespace steward::sim
