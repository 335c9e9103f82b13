// What one look at a large cluster costs: /cluster/resources with 10,000 guests, from the bytes to the difference
// against the look before, and how long the loop was held meanwhile.
#include "figures.hpp"
#include "pve/api/cluster.hpp"
#include "pve/api/session.hpp"
#include "pve/model_of.hpp"
#include "pve/transport.hpp"
#include "runtime/let_others_run.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/program_options.hpp>

#include <algorithm>
#include <fmt/core.h>
#include <iostream>
#include <random>
#include <vector>

namespace steward::bench {
namespace {

namespace asio = boost::asio;

double ms(duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

/// Rows as pvestatd makes them; Perl's hashes put the keys in another order in every process.
std::string answer_with(int guests, std::uint64_t seed) {
    std::mt19937_64 chance(seed);
    std::string body = R"({"data":[)";
    for (int i = 0; i < 32; ++i)
        body +=
            fmt::format(R"({{"type":"node","id":"node/n{0}","node":"n{0}","status":"online","maxcpu":32,"cpu":0.21,)"
                        R"("maxmem":270553174016,"mem":135276587008,"disk":8589934592,"maxdisk":107374182400,)"
                        R"("uptime":8640000,"level":"","cgroup-mode":2}},)",
                        i);
    for (int i = 0; i < 64; ++i)
        body += fmt::format(
            R"({{"type":"storage","id":"storage/n{0}/s{1}","node":"n{0}","storage":"s{1}","shared":0,)"
            R"("status":"available","plugintype":"zfspool","content":"images,rootdir","disk":1,"maxdisk":9}},)",
            i % 32, i);
    for (int i = 0; i < guests; ++i) {
        const bool is_changed = chance() % 100 == 0;
        std::vector<std::string> keys{
            fmt::format(R"("id":"lxc/{}")", 100 + i),
            fmt::format(R"("vmid":{})", 100 + i),
            R"("type":"lxc")",
            fmt::format(R"("node":"n{}")", is_changed ? 31 : i % 32),
            fmt::format(R"("name":"guest-{}")", i),
            R"("status":"running")",
            fmt::format(R"("cpu":0.0{})", chance() % 1000),
            R"("maxcpu":4)",
            fmt::format(R"("mem":{})", chance() % (1U << 30U)),
            R"("maxmem":1073741824)",
            R"("disk":0)",
            R"("maxdisk":8589934592)",
            fmt::format(R"("uptime":{})", 1000 + i),
            fmt::format(R"("netin":{})", chance() % (1U << 30U)),
            fmt::format(R"("netout":{})", chance() % (1U << 30U)),
            R"("diskread":0)",
            R"("diskwrite":0)",
            R"("template":0)",
            R"("tags":"prod;web")",
        };
        std::shuffle(keys.begin(), keys.end(), chance);
        body += "{";
        for (std::size_t k = 0; k < keys.size(); ++k) body += (k == 0 ? "" : ",") + keys[k];
        body += i + 1 == guests ? "}" : "},";
    }
    return body + "]}";
}

class one_answer final : public pve::transport {
  public:
    asio::awaitable<result<pve::reply>> send(pve::request, time_point) override {
        pve::reply r;
        r.status = 200;
        r.body = body;
        co_return r;
    }
    std::string body;
};

std::size_t differences(const model::cluster_view& before, const model::cluster_view& now) {
    std::size_t count = 0;
    for (const auto& [id, guest] : now.guests) {
        const model::guest_row* old = before.find(id);
        if (!old || old->node != guest.node || old->status != guest.status || old->lock != guest.lock ||
            old->tags != guest.tags || old->name != guest.name)
            ++count;
    }
    return count;
}

class figures {
  public:
    std::vector<double> total;
    std::vector<double> longest_hold;
    std::size_t changed = 0;
};

/// Notes how long others had to wait for their turn.
asio::awaitable<void> watch_loop(time_source& time, const bool& is_over, double& longest) {
    while (!is_over) {
        const time_point before = time.now();
        co_await let_others_run();
        longest = std::max(longest, ms(time.now() - before));
    }
}

asio::awaitable<void> look(one_answer& wire, time_source& time, const std::vector<std::string>& bodies, int runs,
                           figures& into) {
    pve::api::session session(wire, time, std::chrono::seconds(30));
    const auto executor = co_await asio::this_coro::executor;
    model::cluster_view before;
    for (int run = 0; run < runs; ++run) {
        wire.body = bodies[static_cast<std::size_t>(run) % bodies.size()];
        bool is_over = false;
        double longest = 0;
        asio::co_spawn(executor, watch_loop(time, is_over, longest), [](std::exception_ptr) {});
        const time_point begun = time.now();
        const auto rows = co_await pve::api::root(session).cluster().resources().get();
        if (!rows) throw std::runtime_error(rows.error().text());
        model::cluster_view now;
        std::size_t read = 0;
        for (const auto& row : *rows) {
            pve::read_resource(row, now);
            if (++read % 1000 == 0) co_await let_others_run();
        }
        into.changed = differences(before, now);
        into.total.push_back(ms(time.now() - begun));
        is_over = true;
        before = std::move(now);
        co_await let_others_run();
        into.longest_hold.push_back(longest);
    }
}

double median(std::vector<double> of) {
    std::sort(of.begin(), of.end());
    return of.empty() ? 0 : of[of.size() / 2];
}

int run(int argc, char** argv) {
    namespace po = boost::program_options;
    int guests = 10'000;
    int runs = 21;
    po::options_description options("bench_resources");
    options.add_options()("guests", po::value(&guests))("runs", po::value(&runs))("json", "one JSON object");
    po::variables_map given;
    po::store(po::parse_command_line(argc, argv, options), given);
    po::notify(given);
    const std::vector<std::string> bodies{answer_with(guests, 1), answer_with(guests, 2)};
    one_answer wire;
    os_time time;
    figures f;
    asio::io_context io{1};
    std::exception_ptr error;
    asio::co_spawn(io, look(wire, time, bodies, runs, f), [&](std::exception_ptr e) { error = std::move(e); });
    io.run();
    if (error) std::rethrow_exception(error);
    report out;
    out.add("answer", static_cast<double>(bodies.front().size()) / (1U << 20U), "MiB");
    out.add("total_median", median(f.total), "ms", "parse, decode, model, difference; aim 15");
    out.add("total_min", *std::min_element(f.total.begin(), f.total.end()), "ms");
    out.add("loop_held_median", median(f.longest_hold), "ms", "longest wait of another task; aim 5");
    out.add("loop_held_max", *std::max_element(f.longest_hold.begin(), f.longest_hold.end()), "ms");
    out.add("changed", static_cast<double>(f.changed), "guests");
    std::cout << (given.count("json") != 0 ? out.json() : out.table());
    return 0;
}

}  // namespace
}  // namespace steward::bench

int main(int argc, char** argv) {
    try {
        return steward::bench::run(argc, argv);
    } catch (const std::exception& e) {
        std::cerr << "bench_resources: " << e.what() << '\n';
        return 1;
    }
}
