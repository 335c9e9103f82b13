#include "support_bundle.hpp"

#include "api_exit.hpp"
#include "cluster_options.hpp"
#include "config/effective.hpp"
#include "control_client.hpp"
#include "daemon_commands.hpp"
#include "doctor.hpp"
#include "net/packing.hpp"
#include "new_file.hpp"
#include "pve/shell/output.hpp"
#include "redaction.hpp"
#include "render.hpp"
#include "runtime/atomic_file.hpp"
#include "runtime/run_program.hpp"
#include "runtime/time_source.hpp"
#include "tar_archive.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <iostream>

namespace steward::cli {
namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;
namespace {

constexpr std::chrono::seconds patience{10};
constexpr std::size_t most_lines = 1000;
constexpr std::size_t most_whys = 50;

/// Collects the files, each without secrets.
class bundle {
  public:
    explicit bundle(std::int64_t now, std::string directory) : tar_(now), directory_(std::move(directory)) {}
    redaction secrets;
    void add(const std::string& name, std::string text) {
        tar_.add(directory_ + "/" + name, secrets.applied(std::move(text)));
        names_.push_back(name);
    }
    [[nodiscard]] std::string finished() const { return tar_.finished(); }
    [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

  private:
    tar_archive tar_;
    std::string directory_;
    std::vector<std::string> names_;
};

std::string last_lines(const std::string& text) {
    std::size_t at = text.size();
    for (std::size_t lines = 0; at > 0; --at)
        if (text[at - 1] == '\n' && ++lines > most_lines) break;
    return text.substr(at);
}

/// A program's output, or why there is none.
std::string output_of(std::vector<std::string> argv) {
    const std::string name = argv.front();
    os_time time;
    asio::io_context io;
    std::string text = name + " could not be run\n";
    auto ended = [&text, &name](std::exception_ptr error, result<program_end> end) {
        if (!error) text = end ? end->output : name + ": " + end.error().text() + "\n";
    };
    asio::co_spawn(io, run_program(time, std::move(argv), patience), std::move(ended));
    io.run();
    return text;
}

void add_config(const std::optional<config::loaded>& read, bundle& into) {
    if (!read) return into.add("config.txt", "no configuration is named, and the usual one is not there\n");
    std::string problems;
    for (const auto& p : read->problems) problems += to_string(p) + "\n";
    into.add("config-problems.txt", problems.empty() ? "none\n" : problems);
    if (problems.empty())
        into.add("config-effective.yaml", pve::shell::as_yaml(config::effective_config(read->sources)));
}

/// Guests that wait for somebody, or of which nobody knows.
std::vector<std::string> held_guests(const json::object& status) {
    std::vector<std::string> held;
    const json::value* all = status.if_contains("guests");
    if (all == nullptr || !all->is_array()) return held;
    for (const json::value& v : all->get_array()) {
        if (!v.is_object()) continue;
        const json::value* state = v.get_object().if_contains("state");
        const json::value* guest = v.get_object().if_contains("guest");
        const bool is_text = state != nullptr && state->is_string() && guest != nullptr && guest->is_string();
        if (is_text && state->get_string() != "watching") held.emplace_back(guest->get_string());
    }
    held.resize(std::min(held.size(), most_whys));
    return held;
}

void add_daemon(const std::string& socket, bundle& into) {
    const auto status = ask_daemon(socket, {{"do", "status"}}, patience);
    if (!status) return into.add("status.txt", status.error().text() + "\n");
    into.add("status.json", pve::shell::as_json(*status));
    into.add("status.txt", render_status(*status));
    for (const std::string& guest : held_guests(*status)) {
        const auto why = ask_daemon(socket, {{"do", "why"}, {"guest", guest}}, patience);
        std::string name = "why-" + guest + ".json";
        std::replace(name.begin(), name.end(), '/', '-');
        into.add(name, why ? pve::shell::as_json(*why) : why.error().text() + "\n");
    }
    const auto running = ask_daemon(socket, {{"do", "config"}}, patience);
    if (running) into.add("config-running.yaml", pve::shell::as_yaml(*running));
}

/// The newest of the daemon's files of decisions.
void add_ledger(const fs::path& state_dir, bundle& into) {
    std::vector<fs::path> files;
    std::error_code ec;
    for (fs::directory_iterator at(state_dir / "ledger", ec), end; !ec && at != end; at.increment(ec))
        if (at->path().extension() == ".jsonl") files.push_back(at->path());
    if (files.empty()) return into.add("ledger.jsonl", "");
    const auto newest = std::max_element(files.begin(), files.end());
    constexpr std::size_t largest = 64U << 20U;
    const auto text = read_file(*newest, largest);
    into.add("ledger.jsonl", text ? last_lines(*text) : text.error().text() + "\n");
}

void add_logs(const arguments& given, bundle& into) {
    // The newest first: what does not fit is old.
    into.add("journal.txt", output_of({"/usr/bin/journalctl", "--no-pager", "-r", "-n", "500", "-o", "short-iso", "-u",
                                       "stewardd", "-u", "steward-guard", "-u", "steward-leaving"}));
    if (!given.has("log")) return;
    constexpr std::size_t largest = 256U << 20U;
    const auto text = read_file(given.option("log", ""), largest);
    into.add("log.txt", text ? last_lines(*text) : text.error().text() + "\n");
}

std::optional<config::loaded> read_config(const arguments& given) {
    const auto file = meant_config(given);
    if (!file) return std::nullopt;
    return config::load_file(*file);
}

}  // namespace

int support_bundle(const arguments& given) {
    const os_time time;
    const wall_time now = time.wall_now();
    std::string stamp = format_utc(now);
    std::erase_if(stamp, [](char c) { return c == ':' || c == '-'; });
    const std::string directory = "steward-" + stamp;
    const std::string file = given.option("out", directory + ".tar.gz");
    if (const auto free = is_free(file); !free) return complain(free.error());
    bundle all(now.time_since_epoch().count(), directory);
    const auto read = read_config(given);
    if (read) all.secrets.learn(read->sources);
    if (const auto way = cluster_options(given)) all.secrets.learn(way->who);
    const config::settings settings = read && read->problems.empty() ? read->values : config::settings();
    all.add("version.txt", "steward " STEWARD_VERSION "\n" + output_of({"/bin/uname", "-srm"}));
    add_config(read, all);
    add_daemon(given.option("socket", settings.control_socket), all);
    add_logs(given, all);
    add_ledger(settings.state_dir, all);
    const doctor_report report = examine(given);
    all.add("doctor.txt", as_text(report));
    all.add("doctor.json", pve::shell::as_json(as_json(report)));
    if (const auto written = write_new(file, net::pack_gzip(all.finished()), 0600); !written)
        return complain(written.error());
    std::cout << file << ":\n";
    for (const std::string& name : all.names()) std::cout << "  " << name << '\n';
    std::cout << "Secrets are taken out; names of guests, nodes and addresses are in it. Look at it before you give it "
                 "away.\n";
    return 0;
}

}  // namespace steward::cli
