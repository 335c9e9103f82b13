#include "api_exit.hpp"
#include "cluster_options.hpp"
#include "config/load.hpp"
#include "config_command.hpp"
#include "new_file.hpp"
#include "pve/client.hpp"
#include "pve/connection.hpp"
#include "rights.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <iostream>
#include <set>

namespace steward::cli {
namespace asio = boost::asio;
namespace {

/// More guests than that are only listed, without an address to check.
constexpr std::size_t most_addresses = 200;

std::string full_path(const std::string& file) { return std::filesystem::absolute(file).lexically_normal().string(); }

/// A name in PVE may hold anything: in a comment it stays one line.
std::string one_line(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return text;
}

/// "name=eth0,bridge=vmbr0,ip=10.0.0.5/24" → "10.0.0.5"; empty for dhcp and the like.
std::string address_in(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        std::string part = text.substr(at, end - at);
        at = end + 1;
        if (!part.starts_with("ip=")) continue;
        part = part.substr(3, part.find('/') == std::string::npos ? std::string::npos : part.find('/') - 3);
        const bool is_address = !part.empty() && part.find_first_not_of("0123456789.") == std::string::npos;
        if (is_address) return part;
    }
    return {};
}

/// The address that a guest's own configuration gives it.
std::string address_of(const model::guest_config& config) {
    for (const auto& [key, value] : config.values)
        if (key.starts_with("net") || key.starts_with("ipconfig"))
            if (const std::string found = address_in(value); !found.empty()) return found;
    return {};
}

class example {
  public:
    model::cluster_view view;
    std::map<guest_id, std::string> addresses;
    pve::connection_options way;

    [[nodiscard]] std::string text() const { return head() + what_is_there() + guests(); }

  private:
    [[nodiscard]] std::string trust() const {
        if (!way.trust.ca_file.empty()) return "  ca_file: " + full_path(way.trust.ca_file) + "\n";
        std::string out;
        for (const std::string& f : way.trust.fingerprints) out += (out.empty() ? "" : ", ") + fmt::format("\"{}\"", f);
        if (!out.empty()) return "  fingerprint: [" + out + "]\n";
        return way.trust.insecure ? "  insecure: true  # steward doctor prints the fingerprint to pin\n" : "";
    }

    [[nodiscard]] std::string credentials() const {
        if (!way.who.token_file.empty()) return "  token_file: " + full_path(way.who.token_file) + "\n";
        std::string out =
            fmt::format("  user: {}\n  password_file: {}\n", way.who.user, full_path(way.who.password_file));
        if (!way.who.totp_file.empty()) out += "  totp_file: " + full_path(way.who.totp_file) + "\n";
        return out;
    }

    [[nodiscard]] std::string head() const {
        std::string out =
            "## Made by steward config init. Lines with ## are for people; take the # from a line with one to make it "
            "hold.\n"
            "## /usr/share/doc/steward/configuration.md has every key; steward check-config tells what is wrong.\n"
            "cluster:\n";
        if (!view.cluster_name.empty()) out += fmt::format("  name: {}\n", view.cluster_name);
        std::string endpoints;
        for (const std::string& e : way.endpoints)
            endpoints += fmt::format("{}\"https://{}\"", endpoints.empty() ? "" : ", ", e);
        out += "  endpoints: [" + endpoints + "]\n" + trust() + credentials();
        return out + "\n## observe: look, decide, explain, change nothing. steward arm lets it act.\nmode: observe\n";
    }

    [[nodiscard]] std::string what_is_there() const {
        std::string out = "\n## Nodes:";
        for (const auto& [name, n] : view.nodes) out += " " + name.str() + (n.online == true ? "" : " (offline)");
        std::set<std::string> storages;
        std::set<std::string> backups;
        for (const auto& s : view.storages) {
            const bool holds_backups = std::find(s.content.begin(), s.content.end(), "backup") != s.content.end();
            storages.insert(s.id.str() + (s.shared ? " (shared)" : ""));
            if (holds_backups) backups.insert(s.id.str());
        }
        out += "\n## Storages:";
        for (const std::string& s : storages) out += " " + s;
        out += "\n#defaults:\n#  failover:\n";
        if (view.nodes.size() > 1) out += "#    targets: " + listed(names_of_nodes()) + "\n";
        if (!backups.empty()) out += "#    backup_storages: " + listed({backups.begin(), backups.end()}) + "\n";
        return out + "#    max_backup_age: 26h\n";
    }

    [[nodiscard]] std::vector<std::string> names_of_nodes() const {
        std::vector<std::string> names;
        for (const auto& [name, n] : view.nodes) names.push_back(name.str());
        return names;
    }

    static std::string listed(const std::vector<std::string>& names) {
        std::string out;
        for (const std::string& n : names) out += (out.empty() ? "" : ", ") + n;
        return "[" + out + "]";
    }

    [[nodiscard]] std::string guests() const {
        std::string out =
            "\n## A guest that does not stand here is never touched. Its checks tell whether it works: ask what its "
            "users ask.\n#guests:\n";
        for (const auto& [id, row] : view.guests) {
            if (row.is_template) continue;
            const auto known = addresses.find(id);
            const std::string address = known == addresses.end() || known->second.empty() ? "" : known->second;
            out += fmt::format("## {} on {}{}\n#  {}:\n#    checks:\n", one_line(row.name), row.node.str(),
                               row.status == model::run_state::running ? "" : ", not running", to_string(id));
            if (address.empty())
                out +=
                    "## its configuration names no address: guest is what its interfaces say\n#      - icmp: guest\n";
            else
                out += fmt::format("#      - icmp: {0}\n## - http: http://{0}/\n", address);
        }
        return out;
    }
};

asio::awaitable<int> make_example(pve::connection& cluster, std::string file, example found) {
    pve::client pve(cluster.wire(), cluster.session().time(), std::chrono::seconds(30));
    auto view = co_await pve.look();
    if (!view) co_return complain(view.error());
    found.view = std::move(*view);
    const auto rights = co_await pve.all_privileges();
    if (!rights) co_return complain(rights.error());
    if (!sees_guests(*rights) && found.view.guests.empty()) {
        std::cerr
            << "steward: these credentials may see no guest, so there is nothing to write about. Give them VM.Audit, "
               "as root on a node:\n"
            << fix_lines(found.way.who, "/vms");
        co_return 1;
    }
    for (const auto& [id, row] : found.view.guests) {
        if (row.is_template || found.addresses.size() >= most_addresses) continue;
        const auto config = co_await pve.guest_config(row.node, id);
        found.addresses[id] = config ? address_of(*config) : std::string();
    }
    const std::string text = found.text();
    if (file == "-") {
        std::cout << text << std::flush;
        co_return 0;
    }
    const auto written = write_new(file, text, 0644);
    if (!written) {
        std::cerr << "steward: " << written.error().text() << '\n';
        co_return 1;
    }
    std::cout << fmt::format(
        "{} is written: {} guest(s) stand in it as comments. Next: choose some of them, then steward check-config {}, "
        "steward doctor --config {}\n",
        file, found.view.guests.size(), file, file);
    co_return 0;
}

}  // namespace

int config_init(const arguments& given) {
    const std::string file = given.words.size() > 2 ? given.words[2] : default_config;
    if (const auto free = file == "-" ? result<void>() : is_free(file); !free) return complain(free.error());
    auto options = usable_options(given);
    if (!options) return refuse(options.error());
    example found;
    found.way = *options;
    pve::connection cluster(std::move(*options));
    return cluster.run(make_example(cluster, file, std::move(found)));
}

}  // namespace steward::cli
