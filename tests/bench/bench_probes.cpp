// How much many checks cost, and how punctual the event loop stays meanwhile. Prints figures, judges nothing.
#include "base/random.hpp"
#include "bench/figures.hpp"
#include "bench/loopback_listeners.hpp"
#include "net/probe.hpp"
#include "net/resolver.hpp"
#include "runtime/task_group.hpp"
#include "runtime/time_source.hpp"
#include "services/health/watch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/program_options.hpp>

#include <exception>
#include <fmt/core.h>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <sys/resource.h>
#include <vector>

namespace {

using namespace steward;
namespace asio = boost::asio;
namespace options = boost::program_options;

struct wishes {
    std::size_t checks = 5000;
    double seconds = 30;
    double interval = 1;
    std::size_t listeners = 64;
    std::string kinds = "tcp";  ///< of tcp,http,icmp: taken in turn
    std::uint16_t first_port =
        0;  ///< of `listeners` in a row that somebody else serves; 0: own ones, which only accept
    bool json = false;
};

/// What all probes together did.
struct tally {
    bench::lateness start_late;
    bench::lateness took;
    std::uint64_t healthy = 0;
    std::uint64_t other = 0;
    std::string last_reason;
};

/// Notes when the loop under test starts an attempt, and hands it on. Late is relative to this check's own earliest
/// beat, so it needs no knowledge of how the loop chose its first start.
class measured_prober final : public net::prober {
  public:
    measured_prober(std::unique_ptr<net::prober> inner, time_source& time, duration interval, tally& into)
        : inner_(std::move(inner)), time_(time), interval_(interval), into_(into) {}

    [[nodiscard]] asio::awaitable<probe_result> run() override {
        const time_point started = time_.now();
        const time_point beat = started - beats_ * interval_;
        if (beats_ == 0 || beat < first_beat_) first_beat_ = beat;
        into_.start_late.add(beat - first_beat_);
        ++beats_;
        probe_result answer = co_await inner_->run();
        into_.took.add(time_.now() - started);
        if (answer.answer == verdict::healthy) {
            ++into_.healthy;
        } else {
            ++into_.other;
            into_.last_reason = answer.reason;
        }
        co_return answer;
    }

  private:
    std::unique_ptr<net::prober> inner_;
    time_source& time_;
    duration interval_;
    tally& into_;
    std::int64_t beats_ = 0;
    time_point first_beat_{};
};

/// How late the loop gets to what is due: what every other task of the daemon would feel.
asio::awaitable<void> sample_lag(time_source& time, bench::lateness& into) {
    constexpr duration every = std::chrono::milliseconds(10);
    for (time_point next = time.now() + every;; next += every) {
        co_await time.sleep_until(next);
        into.add(time.now() - next);
    }
}

duration to_duration(double seconds) {
    return std::chrono::duration_cast<duration>(std::chrono::duration<double>(seconds));
}

asio::awaitable<duration> attempt(measured_prober& prober, duration interval) {
    const probe_result answer = co_await prober.run();
    (void)answer;
    co_return interval;
}

std::unique_ptr<net::prober> make_prober(const std::string& kind, std::uint16_t port, time_source& time,
                                         net::resolver& names) {
    const std::string host = "127.0.0.1";
    if (kind == "icmp") {
        net::icmp_check check;
        check.host = host;
        return net::make_prober(std::move(check), time, names);
    }
    if (kind == "http") {
        net::http_check check;
        check.where = net::http_endpoint(host, port);
        check.where.tls = false;
        check.host_header = fmt::format("{}:{}", host, port);
        return net::make_prober(std::move(check), time, names);
    }
    net::tcp_check check;
    check.host = host;
    check.port = port;
    return net::make_prober(std::move(check), time, names);
}

std::vector<std::string> kinds_of(const wishes& want) {
    std::vector<std::string> kinds;
    std::istringstream text(want.kinds);
    for (std::string kind; std::getline(text, kind, ',');) {
        if (kind != "tcp" && kind != "http" && kind != "icmp")
            throw std::invalid_argument("kinds are of tcp,http,icmp, not \"" + kind + "\"");
        if (kind == "http" && want.first_port == 0)
            throw std::invalid_argument("the own listeners speak no HTTP: name a server's ports with --first-port");
        kinds.push_back(kind);
    }
    if (kinds.empty()) throw std::invalid_argument("kinds are missing: some of tcp,http,icmp");
    return kinds;
}

struct measurement {
    bench::usage idle;
    bench::usage before;
    bench::usage after;
    duration wall{};
    tally probes;
    bench::lateness lag;
};

/// Runs the checks for the wanted time. The first interval, in which every check starts, is not measured.
asio::awaitable<void> measure(time_source& time, net::resolver& names, const std::vector<std::uint16_t>& ports,
                              wishes want, measurement& into) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    into.idle = bench::usage::now();
    const duration interval = to_duration(want.interval);
    std::vector<std::unique_ptr<measured_prober>> probers;
    random_source chance(1);
    task_group tasks(executor);
    const std::vector<std::string> kinds = kinds_of(want);
    for (std::size_t i = 0; i < want.checks; ++i) {
        auto prober = make_prober(kinds[i % kinds.size()], ports[i % ports.size()], time, names);
        probers.push_back(std::make_unique<measured_prober>(std::move(prober), time, interval, into.probes));
        auto again = [&prober = *probers.back(), interval](time_point) { return attempt(prober, interval); };
        tasks.spawn("check", watch_check(time, jitter(interval, chance), std::move(again)));
    }
    co_await time.sleep_for(interval);

    into.probes = tally();
    into.before = bench::usage::now();
    const time_point started = time.now();
    tasks.spawn("lag", sample_lag(time, into.lag));
    co_await time.sleep_for(to_duration(want.seconds));
    into.wall = time.now() - started;
    into.after = bench::usage::now();
    tasks.cancel();
    co_await tasks.join();
}

bench::report describe(const wishes& want, const measurement& m) {
    const double wall = std::chrono::duration<double>(m.wall).count();
    const double cpu = m.after.user_seconds + m.after.system_seconds - m.before.user_seconds - m.before.system_seconds;
    const auto probes = static_cast<double>(m.probes.healthy + m.probes.other);
    bench::report r;
    r.add("checks", static_cast<double>(want.checks), "");
    r.add("interval", want.interval, "s");
    r.add("wall", wall, "s");
    r.add("probes", probes, "");
    r.add("probes_not_healthy", static_cast<double>(m.probes.other), "", m.probes.last_reason);
    r.add("probe_p50", m.probes.took.quantile(0.5), "ms");
    r.add("probe_p999", m.probes.took.quantile(0.999), "ms");
    r.add("cpu", 100 * cpu / wall, "%", "of one core");
    r.add("cpu_per_probe", probes > 0 ? 1e6 * cpu / probes : 0, "us");
    r.add("cpu_system_share", cpu > 0 ? 100 * (m.after.system_seconds - m.before.system_seconds) / cpu : 0, "%");
    r.add("rss", m.after.resident_mib, "MiB", "aim 40");
    r.add("rss_peak", m.after.peak_resident_mib, "MiB");
    r.add("rss_per_check", 1024 * (m.after.resident_mib - m.idle.resident_mib) / static_cast<double>(want.checks),
          "KiB");
    r.add("late_start_p50", m.probes.start_late.quantile(0.5), "ms");
    r.add("late_start_p999", m.probes.start_late.quantile(0.999), "ms");
    r.add("late_start_max", m.probes.start_late.max(), "ms");
    r.add("late_start_over_100ms", static_cast<double>(m.probes.start_late.later_than(std::chrono::milliseconds(100))),
          "");
    r.add("loop_lag_p50", m.lag.quantile(0.5), "ms");
    r.add("loop_lag_p99", m.lag.quantile(0.99), "ms");
    r.add("loop_lag_p999", m.lag.quantile(0.999), "ms", "aim 5");
    r.add("loop_lag_max", m.lag.max(), "ms");
    return r;
}

/// Every check may have a socket open at the same moment.
void raise_file_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

bool read_wishes(int argc, char** argv, wishes& want) {
    options::options_description all("bench_probes");
    auto add = all.add_options();
    add("help", "this text");
    add("checks", options::value(&want.checks)->default_value(want.checks), "number of checks");
    add("interval", options::value(&want.interval)->default_value(want.interval), "seconds between two attempts");
    add("seconds", options::value(&want.seconds)->default_value(want.seconds), "how long to measure");
    add("listeners", options::value(&want.listeners)->default_value(want.listeners), "ports to spread them over");
    add("kinds", options::value(&want.kinds)->default_value(want.kinds), "of tcp,http,icmp: taken in turn");
    add("first-port", options::value(&want.first_port), "first of the ports, all served by somebody else");
    add("json", options::bool_switch(&want.json), "print one JSON object");
    options::variables_map given;
    options::store(options::parse_command_line(argc, argv, all), given);
    options::notify(given);
    if (given.count("help") != 0) std::cout << all;
    return given.count("help") == 0;
}

int run(const wishes& want) {
    raise_file_limit();
    const bench::loopback_listeners own(want.first_port == 0 ? want.listeners : 0);
    std::vector<std::uint16_t> ports = own.ports();
    for (std::size_t i = 0; ports.size() < want.listeners; ++i)
        ports.push_back(static_cast<std::uint16_t>(want.first_port + i));
    os_time time;
    measurement done;
    std::exception_ptr failure;
    asio::io_context io(1);
    const auto names = net::make_cares_resolver(io.get_executor(), time);
    asio::co_spawn(io, measure(time, *names, ports, want, done),
                   [&failure](std::exception_ptr error) { failure = std::move(error); });
    io.run();  // until the last task has ended, so nothing outlives what it uses
    if (failure) std::rethrow_exception(failure);
    const bench::report figures = describe(want, done);
    fmt::print("{}", want.json ? figures.json() : figures.table());
    return done.probes.healthy > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        wishes want;
        if (!read_wishes(argc, argv, want)) return 0;
        if (want.checks == 0 || want.listeners == 0 || !(want.interval > 0) || !(want.seconds > 0))
            throw std::invalid_argument("checks, listeners, interval and seconds must be above zero");
        return run(want);
    } catch (const std::exception& error) {
        std::cerr << "bench_probes: " << error.what() << '\n';
        return 2;
    }
}
