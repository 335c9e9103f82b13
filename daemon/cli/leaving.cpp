#include "leaving.hpp"

#include "cluster/guard_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <iostream>

namespace steward::cli {

namespace {

constexpr const char* default_socket = "/run/steward-guard/guard.sock";
constexpr duration patience = std::chrono::seconds(10);

}  // namespace

int tell_leaving(const arguments& given) {
    if (given.words.size() != 2) {
        std::cerr << "steward: leaving takes one of shutdown, reboot, none\n";
        return 2;
    }
    boost::asio::io_context io;
    os_time time;
    guard_client guard(time, given.option("socket", default_socket), patience);
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
    return exit_code;
}

}  // namespace steward::cli
