#include "leaving.hpp"

#include "cluster/guard_client.hpp"
#include "control_client.hpp"
#include "daemon_commands.hpp"
#include "waiting.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>

#include <iostream>

namespace steward::cli {

namespace {

constexpr const char* guard_socket = "/run/steward-guard/guard.sock";
constexpr duration patience = std::chrono::seconds(10);
constexpr duration look_again = std::chrono::seconds(2);
/// A shutdown must not hang on a daemon that does not answer.
constexpr std::chrono::seconds daemon_patience{30};

/// Until no guest is to be moved away from this node any more, or for as long as the configuration allows. Whoever
/// cannot tell is not waited for.
void wait_for_evacuation(os_time& time, const std::string& daemon) {
    const time_point begun = time.now();
    for (std::string told;;) {
        const auto answer = ask_daemon(daemon, {{"do", "evacuation"}}, daemon_patience);
        if (!answer) return;
        const auto* guests = answer->if_contains("guests");
        const auto* limit = answer->if_contains("limit_s");
        if (!guests || !guests->is_array() || !limit || !limit->is_int64()) return;
        std::string names;
        for (const auto& g : guests->get_array())
            if (g.is_string()) names += (names.empty() ? "" : ", ") + std::string(g.get_string());
        if (names.empty()) return;
        if (time.now() - begun >= std::chrono::seconds(limit->get_int64())) {
            std::cerr << "steward: waits no longer for " << names << " to be moved away\n";
            return;
        }
        if (names != told) std::cout << "waiting for " << names << " to be moved away" << std::endl;
        told = names;
        wait_a_while(look_again);
    }
}

}  // namespace

int tell_leaving(const arguments& given) {
    boost::asio::io_context io;
    os_time time;
    guard_client guard(time, given.option("socket", guard_socket), patience);
    guard::request what;
    what.what = guard::verb::leave;
    what.name = given.words[1];
    int exit_code = 1;
    auto ended = [&exit_code](std::exception_ptr error, result<guard::reply> answer) {
        if (!error && answer)
            exit_code = 0;
        else
            std::cerr << "steward: " << (error ? "the guard could not be asked" : answer.error().text()) << '\n';
    };
    boost::asio::co_spawn(io, guard.ask(std::move(what)), std::move(ended));
    io.run();
    if (exit_code == 0 && given.words[1] != "none") wait_for_evacuation(time, given.option("control", default_socket));
    return exit_code;
}

}  // namespace steward::cli
