// Calls over kept-alive TLS, one after the other or several at once; tests/bench/api.py runs it beside other clients.
#include "pve/api/cluster.hpp"
#include "pve/api/version.hpp"
#include "pve/connection.hpp"
#include "runtime/task_group.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/program_options.hpp>

#include <iostream>

namespace steward::bench {
namespace {

namespace asio = boost::asio;

class load {
  public:
    bool is_large = false;
    int left = 0;
    int status = 0;
};

asio::awaitable<void> ask(pve::connection& cluster, load& of) {
    while (of.left > 0 && of.status == 0) {
        --of.left;
        std::string why;
        if (of.is_large) {
            const auto got = co_await cluster.api().cluster().resources().get();
            if (!got) why = got.error().text();
        } else {
            const auto got = co_await cluster.api().version().get();
            if (!got) why = got.error().text();
        }
        if (why.empty()) continue;
        std::cerr << why << '\n';
        of.status = 1;
    }
}

asio::awaitable<int> ask_at_once(pve::connection& cluster, load of, int at_once) {
    const auto executor = co_await asio::this_coro::executor;
    task_group tasks(executor);
    for (int i = 0; i < at_once; ++i) tasks.spawn("ask", ask(cluster, of));
    co_await tasks.join();
    co_return of.status;
}

int run(int argc, char** argv) {
    namespace po = boost::program_options;
    std::string endpoint;
    std::string token_file;
    std::string ca_file;
    int requests = 1000;
    int at_once = 1;
    po::options_description options("bench_api");
    options.add_options()("endpoint", po::value(&endpoint)->required())(
        "token-file", po::value(&token_file)->required())("ca-file", po::value(&ca_file)->required())(
        "requests", po::value(&requests))("at-once", po::value(&at_once))("large",
                                                                          "/cluster/resources instead of /version");
    po::variables_map given;
    po::store(po::parse_command_line(argc, argv, options), given);
    po::notify(given);
    pve::connection_options to(endpoint);
    to.with_token_file(token_file).with_ca_file(ca_file);
    to.wire.limits.per_second = 0;
    to.wire.limits.in_flight = static_cast<std::size_t>(at_once);
    pve::connection cluster(std::move(to));
    load of;
    of.is_large = given.count("large") != 0;
    of.left = requests;
    return cluster.run(ask_at_once(cluster, of, at_once));
}

}  // namespace
}  // namespace steward::bench

int main(int argc, char** argv) {
    try {
        return steward::bench::run(argc, argv);
    } catch (const std::exception& e) {
        std::cerr << "bench_api: " << e.what() << '\n';
        return 1;
    }
}
