#include "simulate.hpp"

#include "config/sim_script.hpp"
#include "runtime/atomic_file.hpp"
#include "runtime/task_group.hpp"
#include "runtime/time_source.hpp"
#include "sim/front/simulator.hpp"
#include "sim/model/text.hpp"
#include "simulate_crashes.hpp"
#include "simulate_random.hpp"
#include "simulate_run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <exception>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

namespace steward::cli {
namespace asio = boost::asio;

namespace {

constexpr const char* help = R"(steward simulate serve [options]     a PVE cluster on this machine, until SIGTERM
  --dir DIR              where its files go (default steward-sim)
  --nodes N              n1 to nN (3)
  --guests LIST|NUMBER   ct101@n1,vm103@n3:nfs-vm (disk on that storage), or so many without services, to 100000
                         (ct101@n1,ct102@n2,vm103@n3)
  --pve VERSION          7.4, 8.4, 9.1 or 9.2: endpoints, parameters, privileges and wording of that release (8.4)
  --script FILE          faults that come by themselves: the script of a SIM/1 file, {at: SECONDS, do: [COMMAND]}
  --state FILE           begin with the cluster in FILE, if it is there, and save it there at the end
  --listen HOST:PORT     first node; the others on the following ports, or any free ones with port 0 (127.0.0.1:8006).
                         HOST,HOST,HOST:PORT: an address for each node, with the same port
  --service-port PORT    of the guests' web services, 0 for any free one (8080; 0 when --listen has port 0)
  --speed FACTOR         tasks and delays pass so many times as fast (1)
  --restore-time T --start-time T --stop-time T --backup-time T
                         simulated durations (60s, VMs 90s; 4s; 5s; 30s)
  --backup-age T|none    age of every guest's newest backup (1h)
  --seed S               (1)

steward simulate fault --dir DIR COMMAND…             all of them are explained in docs/simulator.md
  guest G crash|corrupt|refuse|suspend|heal|stop      its service dies, dies for good, answers 503, hangs; it stops itself
  guest G stop-fails|start-fails|shutdown-hangs|agent off [@ N] [xK]   guest G ok
  restore G fail P%|hang|slow F|workerkill P%|enospc P% [@ N] [xK]     restore G ok
  lock G L   unlock G   worker G kill   tasklog N|any silent|ok   cfs-lock NAME hold|free
  backup G none|age D|stale|missing|corrupt|unreadable|foreign
  storage S[@N] offline|full|hang|online   storage S fails TEXT
  ha add|del G   maint N on|off
  power|net|cnet|svc N on|off   reset|boot N   pause N TIME   clock N step T|drift PPM|ok   wd N fire
  part A,B|C [bridge N]   part A>B   part ring   heal   quorum|qdevice on|off
  service N pveproxy|pvedaemon|pmxcfs stop|freeze|start   tls N change|expired
  api N|any CODE|latency T|hang|stall|truncate|huge MIB|garbage|drop-request|drop-reply|list-empty [TIME]
  api N|any status-lie G running|stopped [TIME]   api N|any ok
  token revoke|restore|deny P|allow P   ticket revoke   user U disable|enable|expire
  status                 the whole model as JSON
  save                   to the file of --state

steward simulate run [-o json] [--timeline] FILE|DIRECTORY…
                         SIM/1 scenarios with the real engine in virtual time (docs/scenarios.md); exit 0 when all hold
steward simulate random [--seeds N] [--first N] [--seed N] [--for TIME] [--jobs N] [--out DIR] [--print]
                         random clusters and faults, judged; a failing seed is shrunk to a scenario file in DIR
steward simulate crashes [--every N] [--at N,…] FILE…
                         SIM/1 scenarios with the leader dying at every (Nth) point where it waits for the world, once and twice
)";

using option_map = std::map<std::string, std::string>;

int complain(const std::string& what) {
    std::cerr << "steward simulate: " << what << "\n";
    return 2;
}

/// "--name value" and "--name=value"; what is left are words.
std::optional<option_map> read_options(const std::vector<std::string>& args, std::vector<std::string>& words) {
    option_map options;
    for (std::size_t i = 0; i < args.size(); ++i) {
        if (!args[i].starts_with("--")) {
            words.push_back(args[i]);
            continue;
        }
        const std::size_t equals = args[i].find('=');
        if (equals != std::string::npos) {
            options[args[i].substr(2, equals - 2)] = args[i].substr(equals + 1);
        } else {
            if (i + 1 == args.size()) return std::nullopt;
            options[args[i].substr(2)] = args[i + 1];
            ++i;
        }
    }
    return options;
}

template <class Number>
bool read_number(const std::string& text, Number& into) {
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), into);
    return ec == std::errc() && end == text.data() + text.size();
}

result<std::vector<sim::guest_options>> read_guests(const std::string& list, int nodes) {
    std::vector<sim::guest_options> guests;
    std::size_t count = 0;
    if (read_number(list, count)) {
        if (count > 100000) return fault(errc::invalid, "--guests", "more than 100000");
        return sim::many_guests(count, sim::make_options(nodes, {}).nodes);
    }
    for (std::size_t at = 0; at < list.size();) {
        const std::size_t end = std::min(list.find(',', at), list.size());
        const auto one = sim::parse_guest_options(std::string_view(list).substr(at, end - at));
        if (!one) return one.error();
        guests.push_back(*one);
        at = end + 1;
    }
    return guests;
}

fault bad_value(const std::string& option) { return fault(errc::invalid, "--" + option, "bad value"); }

/// Task durations given as options; every one of them is optional.
result<void> read_durations(const option_map& given, sim::task_durations& takes) {
    const std::vector<std::pair<const char*, std::vector<duration*>>> known = {
        {"restore-time", {&takes.ct_restore, &takes.vm_restore}},
        {"start-time", {&takes.start}},
        {"stop-time", {&takes.stop, &takes.shutdown}},
        {"backup-time", {&takes.backup}},
    };
    for (const auto& [name, targets] : known) {
        const auto found = given.find(name);
        if (found == given.end()) continue;
        const auto value = parse_duration(found->second);
        if (!value) return fault(errc::invalid, std::string("--") + name, value.error().detail);
        for (duration* target : targets) *target = *value;
    }
    return {};
}

/// A guest lives on a node that exists, and on a storage that exists.
result<void> check_guests(const sim::options& o) {
    for (const sim::guest_options& g : o.guests) {
        bool has_node = false;
        bool has_storage = false;
        for (const node_name& n : o.nodes) has_node = has_node || n == g.node;
        for (const sim::storage_options& s : o.storages) has_storage = has_storage || s.id == g.storage;
        if (!has_node) return fault(errc::invalid, "--guests", "there is no node " + g.node.str());
        if (!has_storage) return fault(errc::invalid, "--guests", "there is no storage " + g.storage.str());
    }
    return {};
}

result<void> read_listen(const option_map& given, sim::simulator_options& wanted) {
    const auto found = given.find("listen");
    if (found == given.end()) return {};
    const std::size_t colon = found->second.rfind(':');
    if (colon == std::string::npos || !read_number(found->second.substr(colon + 1), wanted.port))
        return bad_value("listen");
    wanted.addresses = sim::split_at(std::string_view(found->second).substr(0, colon), ',');
    for (std::string& address : wanted.addresses)
        if (address.starts_with("[") && address.ends_with("]")) address = address.substr(1, address.size() - 2);
    return {};
}

result<void> adjust_guests(const option_map& given, bool any_ports, std::vector<sim::guest_options>& guests) {
    std::uint16_t port = any_ports ? 0 : 8080;
    if (const auto p = given.find("service-port"); p != given.end() && !read_number(p->second, port))
        return bad_value("service-port");
    for (sim::guest_options& g : guests) g.port = port;
    const auto age = given.find("backup-age");
    if (age == given.end()) return {};
    std::vector<duration> ages;
    if (age->second != "none") {
        const auto value = parse_duration(age->second);
        if (!value) return fault(errc::invalid, "--backup-age", value.error().detail);
        ages.push_back(*value);
    }
    for (sim::guest_options& g : guests) g.backup_ages = ages;
    return {};
}

result<std::vector<config::sim_step>> read_script(const std::string& file) {
    const auto text = read_file(file, 1U << 20U);
    if (!text) return text.error();
    config::sim_script script = config::read_sim_script(*text, file);
    if (script.problems.empty()) return std::move(script.steps);
    std::string all;
    for (const auto& problem : script.problems) all += (all.empty() ? "" : "\n") + config::to_string(problem);
    return fault(errc::invalid, "--script", all);
}

result<sim::simulator_options> read_serve_options(const option_map& given) {
    for (const auto& [name, value] : given) {
        const char* known[] = {"dir",        "nodes",        "guests",     "listen",    "service-port",
                               "speed",      "restore-time", "start-time", "stop-time", "backup-time",
                               "backup-age", "seed",         "pve",        "state",     "script"};
        if (std::find(std::begin(known), std::end(known), name) == std::end(known))
            return fault(errc::invalid, "--" + name, "unknown option (see steward simulate --help)");
    }
    const auto value_of = [&](const char* name, const char* otherwise) {
        const auto found = given.find(name);
        return found == given.end() ? std::string(otherwise) : found->second;
    };
    sim::simulator_options wanted;
    if (auto read = read_listen(given, wanted); !read) return read.error();
    int nodes = 0;
    if (!read_number(value_of("nodes", "3"), nodes) || nodes < 1 || nodes > 32) return bad_value("nodes");
    auto guests = read_guests(value_of("guests", "ct101@n1,ct102@n2,vm103@n3"), nodes);
    if (!guests) return guests.error();
    if (auto adjusted = adjust_guests(given, wanted.port == 0, *guests); !adjusted) return adjusted.error();
    wanted.model = sim::make_options(nodes, std::move(*guests));
    if (auto checked = check_guests(wanted.model); !checked) return checked.error();
    const auto version = pve::schema::parse_version(value_of("pve", "8.4"));
    constexpr pve::schema::version simulated[] = {{7, 4}, {8, 4}, {9, 1}, {9, 2}};
    if (!version || std::find(std::begin(simulated), std::end(simulated), *version) == std::end(simulated))
        return fault(errc::invalid, "--pve", "not a simulated release (7.4, 8.4, 9.1 or 9.2)");
    wanted.model.version = *version;
    wanted.model.boots_after_reset = true;
    if (const auto state = given.find("state"); state != given.end()) wanted.state_file = state->second;
    if (const auto script = given.find("script"); script != given.end()) {
        auto read = read_script(script->second);
        if (!read) return read.error();
        wanted.script = std::move(*read);
    }
    if (!read_number(value_of("seed", "1"), wanted.model.seed)) return bad_value("seed");
    if (!read_number(value_of("speed", "1"), wanted.speed) || wanted.speed <= 0) return bad_value("speed");
    if (auto read = read_durations(given, wanted.model.takes); !read) return read.error();
    wanted.directory = value_of("dir", "steward-sim");
    return wanted;
}

asio::awaitable<void> serve_until_signalled(sim::simulator& simulated) {
    const auto executor = co_await asio::this_coro::executor;
    asio::signal_set signals(executor, SIGTERM, SIGINT);
    task_group tasks(executor);
    tasks.spawn("simulator", simulated.run());
    std::cout << simulated.ready_line() << std::endl;
    boost::system::error_code ec;
    co_await signals.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    tasks.cancel();
    // Whatever the tasks came to, the sockets are closed before this ends.
    std::exception_ptr failure;
    try {
        co_await tasks.join();
    } catch (...) {
        failure = std::current_exception();
    }
    co_await simulated.close();
    if (failure) std::rethrow_exception(failure);
}

int serve(const option_map& given) {
    auto wanted = read_serve_options(given);
    if (!wanted) return complain(wanted.error().text());
    const bool has_state = !wanted->state_file.empty();
    os_time real;
    std::unique_ptr<sim::simulator> simulated;
    asio::io_context io(1);
    auto opened = sim::simulator::open(io.get_executor(), real, std::move(*wanted));
    if (!opened) {
        std::cerr << "steward simulate: " << opened.error().text() << "\n";
        return 1;
    }
    simulated = std::move(*opened);
    std::exception_ptr failure;
    asio::co_spawn(io, serve_until_signalled(*simulated), [&failure](std::exception_ptr error) { failure = error; });
    io.run();
    if (const auto saved = has_state ? simulated->save() : result<void>(); !saved) {
        std::cerr << "steward simulate: " << saved.error().text() << "\n";
        return 1;
    }
    simulated.reset();  // its sockets belong to `io`
    if (failure) std::rethrow_exception(failure);
    return 0;
}

int send(const option_map& given, const std::vector<std::string>& words) {
    const auto directory = given.find("dir");
    if (directory == given.end() || given.size() != 1 || words.empty()) return complain("fault --dir DIR COMMAND…");
    std::string command;
    for (const std::string& word : words) command += (command.empty() ? "" : " ") + word;
    const auto answer = sim::send_fault(directory->second, command);
    if (!answer) {
        std::cerr << "steward simulate: " << answer.error().text() << "\n";
        return 1;
    }
    if (*answer != "\n") std::cout << *answer;
    return 0;
}

}  // namespace

int simulate_main(std::vector<std::string> args) {
    const bool asks_for_help = std::find(args.begin(), args.end(), "--help") != args.end();
    if (args.empty() || asks_for_help || args.front() == "help") {
        std::cout << help;
        return args.empty() ? 2 : 0;
    }
    std::vector<std::string> words;
    const std::string what = args.front();
    args.erase(args.begin());
    if (what == "run") return simulate_run(args);
    if (what == "random") return simulate_random(args);
    if (what == "crashes") return simulate_crashes(args);
    const auto given = read_options(args, words);
    if (!given) return complain("an option has no value");
    if (what == "serve" && words.empty()) return serve(*given);
    if (what == "fault") return send(*given, words);
    return complain("unknown command \"" + what + "\" (serve, fault, run)");
}

}  // namespace steward::cli
