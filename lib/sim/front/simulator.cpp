#include "sim/front/simulator.hpp"

#include "base/log.hpp"
#include "runtime/atomic_file.hpp"
#include "runtime/task_group.hpp"
#include "sim/drive.hpp"
#include "sim/front/control_socket.hpp"
#include "sim/model/file_tree.hpp"
#include "sim/model/state.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <fmt/core.h>
#include <system_error>

namespace steward::sim {
namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;
using asio::local::stream_protocol;

namespace {

constexpr std::size_t largest_state = 1U << 30U;

/// What the guard and people expect to find below /etc/pve.
result<void> lay_out(const fs::path& root, const std::vector<node_name>& nodes) {
    std::error_code ec;
    for (const node_name& n : nodes)
        for (const guest_type type : {guest_type::ct, guest_type::vm}) {
            fs::create_directories(root / "nodes" / n.str() / config_directory(type), ec);
            if (ec) return fault(errc::io, "create " + root.string(), ec.message());
        }
    return {};
}

}  // namespace

class simulator::parts {
  public:
    parts(asio::any_io_executor executor, time_source& real, const simulator_options& wanted,
          stream_protocol::acceptor acceptor)
        : directory(wanted.directory),
          state_file(wanted.state_file),
          time(real, wanted.speed),
          model(filled(wanted, time)),
          front(executor, time, real, model),
          services(executor, model),
          control(std::move(acceptor), [this](std::string_view command) { return obey(command); }),
          tasks(executor) {}

    static options filled(const simulator_options& wanted, time_source& time) {
        options o = wanted.model;
        o.start = time.now();
        o.wall_start = time.wall_now();
        o.files = std::make_shared<directory_tree>(wanted.directory / "pve");
        return o;
    }

    /// A step that makes no sense when its time has come is said and passed over.
    void play(const std::vector<config::sim_step>& script) {
        for (const config::sim_step& step : script)
            model.at(model.now() + step.at, [this, step] {
                for (const std::string& command : step.commands) {
                    const auto done = apply_fault(model, command);
                    if (done)
                        log::info("sim.script", {{"command", command}});
                    else
                        log::warning("sim.script", {{"command", command}, {"reason", done.error().detail}});
                }
            });
    }

    void reconcile() {
        front.reconcile();
        services.reconcile();
    }

    result<std::string> obey(std::string_view command) {
        model.advance_to(time.now());
        if (command == "save" || command == "save\n") {
            const auto saved = save();
            return saved ? result<std::string>(std::string()) : saved.error();
        }
        auto done = apply_fault(model, command);
        reconcile();  // before the answer: who asked may look at the sockets at once
        return done;
    }

    result<void> save() const {
        if (state_file.empty()) return fault(errc::invalid, "save", "started without --state FILE");
        return write_file_atomically(state_file, save_state(model));
    }

    fs::path directory;
    fs::path state_file;
    scaled_time time;
    cluster model;
    https_front front;
    service_listeners services;
    control_socket control;
    task_group tasks;
};

simulator::simulator(std::unique_ptr<parts> all) : parts_(std::move(all)) {}
simulator::~simulator() = default;

cluster& simulator::model() { return parts_->model; }

result<void> simulator::save() { return parts_->save(); }

result<std::unique_ptr<simulator>> simulator::open(asio::any_io_executor executor, time_source& real,
                                                   simulator_options wanted) {
    std::error_code ec;
    wanted.directory = fs::absolute(wanted.directory);
    fs::create_directories(wanted.directory, ec);
    if (ec) return fault(errc::io, "create " + wanted.directory.string(), ec.message());
    std::string saved;
    if (!wanted.state_file.empty() && fs::exists(wanted.state_file, ec)) {
        auto text = read_file(wanted.state_file, largest_state);
        if (!text) return text.error();
        saved = std::move(*text);
        auto of_state = options_of_state(saved);
        if (!of_state) return fault(errc::invalid, wanted.state_file.string(), of_state.error().detail);
        of_state->takes = wanted.model.takes;
        of_state->seed = wanted.model.seed;
        wanted.model = std::move(*of_state);
    }
    auto control = control_socket::listen(executor, wanted.directory / "fault.sock");
    if (!control) return control.error();
    if (const auto made = lay_out(wanted.directory / "pve", wanted.model.nodes); !made) return made.error();
    auto all = std::make_unique<parts>(executor, real, wanted, std::move(*control));
    if (!saved.empty())
        if (const auto loaded = load_state(all->model, saved); !loaded)
            return fault(errc::invalid, wanted.state_file.string(), loaded.error().detail);
    if (const auto reserved = all->services.reserve(); !reserved) return reserved.error();
    if (const auto opened = all->front.open(wanted.addresses, wanted.port); !opened) return opened.error();
    const std::string token = fmt::format("{}={}\n", failover_token_id, failover_token_secret);
    for (const auto& [name, text] : {std::pair<const char*, std::string>("ca.pem", all->front.ca().certificate_pem),
                                     std::pair<const char*, std::string>("token", token)})
        if (const auto written = write_file_atomically(wanted.directory / name, text); !written) return written.error();
    all->play(wanted.script);
    all->reconcile();
    return std::unique_ptr<simulator>(new simulator(std::move(all)));
}

std::string simulator::ready_line() const {
    const parts& p = *parts_;
    json::array nodes;
    for (const sim_node& n : p.model.nodes())
        nodes.push_back(
            json::object{{"name", n.name.str()}, {"url", p.front.url_of(n.name)}, {"fingerprint", n.fingerprint}});
    json::array guests;
    for (const guest_options& g : p.model.configured().guests) {
        if (!g.has_service) continue;
        const std::string address = p.services.address_of(g.guest);
        guests.push_back(json::object{{"guest", to_string(g.guest)},
                                      {"node", g.node.str()},
                                      {"address", address},
                                      {"url", "http://" + address + "/"}});
    }
    return json::serialize(json::object{{"ready", true},
                                        {"directory", p.directory.string()},
                                        {"ca_file", (p.directory / "ca.pem").string()},
                                        {"token_file", (p.directory / "token").string()},
                                        {"token", fmt::format("{}={}", failover_token_id, failover_token_secret)},
                                        {"pve_root", (p.directory / "pve").string()},
                                        {"fault_socket", (p.directory / "fault.sock").string()},
                                        {"nodes", std::move(nodes)},
                                        {"guests", std::move(guests)}});
}

asio::awaitable<void> simulator::run() {
    parts& p = *parts_;
    p.tasks.spawn("control", p.control.serve());
    std::function<void()> after_step = [&p] { p.reconcile(); };
    co_await drive(p.time, p.model, std::move(after_step));
}

asio::awaitable<void> simulator::close() {
    parts& p = *parts_;
    p.tasks.cancel();
    co_await p.tasks.join();
    co_await p.control.close();
    co_await p.services.close();
    co_await p.front.close();
    std::error_code ignored;
    fs::remove(p.directory / "fault.sock", ignored);
}

result<std::string> send_fault(const fs::path& directory, const std::string& command) {
    asio::io_context io;
    stream_protocol::socket socket(io);
    boost::system::error_code ec;
    const fs::path path = directory / "fault.sock";
    socket.connect(stream_protocol::endpoint(path.string()), ec);
    if (ec) return fault(errc::unavailable, path.string(), "no simulator serves this directory: " + ec.message());
    asio::write(socket, asio::buffer(command + "\n"), ec);
    std::string answer;
    if (!ec) asio::read(socket, asio::dynamic_buffer(answer), ec);
    if (ec != asio::error::eof) return fault(errc::io, path.string(), ec.message());
    constexpr std::string_view complaint = "error: ";
    if (answer.starts_with(complaint))
        return fault(errc::invalid, command, answer.substr(complaint.size(), answer.find('\n') - complaint.size()));
    if (!answer.starts_with("ok\n")) return fault(errc::garbage, path.string(), "an answer that is none");
    answer.erase(0, 3);
    return answer;
}

}  // namespace steward::sim
