#include "pve/write_gate.hpp"

#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "scripted_transport.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve;
using namespace std::chrono_literals;

namespace {

boost::asio::awaitable<void> send(transport& wire, verb what, std::string& into) {
    request call(what, "/nodes/n1/lxc/101/status/start");
    const auto got = co_await wire.send(std::move(call), time_point{});
    into = got ? "sent" : name_of(got.error().code);
}

}  // namespace

TEST_CASE("while the gate is closed no write verb leaves the process") {
    struct row {
        verb what;
        bool is_open;
        const char* outcome;
    };
    const row rows[] = {{verb::get, false, "sent"},    {verb::create, false, "dry_run"},
                        {verb::set, false, "dry_run"}, {verb::remove, false, "dry_run"},
                        {verb::create, true, "sent"},  {verb::set, true, "sent"},
                        {verb::remove, true, "sent"}};
    for (const row& r : rows) {
        DYNAMIC_SECTION(http_method(r.what) << (r.is_open ? " open" : " closed")) {
            sim_time time;
            scripted_transport inner({"OK"});
            write_gate gate(inner);
            gate.open(r.is_open);
            std::string outcome;
            task_group tasks(time.io().get_executor());
            tasks.spawn("send", send(gate, r.what, outcome));
            time.run_for(0s);
            CHECK(outcome == r.outcome);
            CHECK(inner.calls.size() == (std::string(r.outcome) == "sent" ? 1 : 0));
        }
    }
}
