#include "cluster_options.hpp"

#include "config/load.hpp"
#include "pve/credential_files.hpp"

#include <filesystem>
#include <fmt/core.h>
#include <iostream>
#include <sstream>

namespace steward::cli {

namespace {

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, ',');)
        if (!part.empty()) parts.push_back(part);
    return parts;
}

result<void> read_config(const std::string& file, const arguments& given, pve::connection_options& into) {
    const auto meant = meant_cluster(file, given);
    if (!meant) return meant.error();
    const config::cluster& c = meant->pve;
    for (const config::endpoint& e : c.endpoints)
        into.with_endpoint(e.host.find(':') == std::string::npos ? fmt::format("{}:{}", e.host, e.port)
                                                                 : fmt::format("[{}]:{}", e.host, e.port));
    into.who.token_file = c.token_file;
    into.who.user = c.user;
    into.who.password_file = c.password_file;
    into.who.totp_file = c.totp_file;
    into.trust.ca_file = c.ca_file;
    into.trust.fingerprints = c.fingerprints;
    into.trust.insecure = c.insecure;
    return {};
}

/// An option replaces what the file says of the same thing.
void read_options(const arguments& given, pve::connection_options& into) {
    if (given.has("endpoint")) into.endpoints = split(given.option("endpoint", ""));
    if (given.has("token-file") || given.has("user")) {
        into.who = {};
        into.who.token_file = given.option("token-file", "");
        into.who.user = given.option("user", "");
        into.who.password_file = given.option("password-file", "");
        into.who.totp_file = given.option("totp-file", "");
    }
    if (given.has("fingerprint") || given.has("ca-file")) {
        into.trust = {};
        into.trust.fingerprints = split(given.option("fingerprint", ""));
        into.trust.ca_file = given.option("ca-file", "");
    }
    if (!given.has("trace")) return;
    into.wire.trace.bodies = true;
    into.wire.trace.sink = [](const pve::wire_record& r) { std::cerr << to_line(r) << '\n'; };
}

}  // namespace

std::optional<std::string> meant_config(const arguments& given) {
    if (given.has("config")) return given.option("config", "");
    const bool options_suffice = given.has("endpoint") && (given.has("token-file") || given.has("user"));
    std::error_code ec;
    if (options_suffice || !std::filesystem::exists(default_config, ec)) return std::nullopt;
    return default_config;
}

result<config::settings> meant_cluster(const std::string& file, const arguments& given) {
    auto loaded = config::load_file(file);
    if (!loaded.problems.empty()) return fault(errc::invalid, file, to_string(loaded.problems.front()));
    const std::string wanted = given.option("cluster", "");
    std::string names;
    for (config::settings& s : loaded.clusters) {
        names += (names.empty() ? "" : ", ") + s.cluster_key;
        if (wanted == s.cluster_key || (wanted.empty() && loaded.clusters.size() == 1)) return std::move(s);
    }
    if (wanted.empty()) return fault(errc::invalid, file, "which cluster? --cluster with one of: " + names);
    return fault(errc::invalid, file,
                 fmt::format("has no cluster \"{}\"; it has {}", wanted, names.empty() ? "one without a name" : names));
}

result<pve::connection_options> cluster_options(const arguments& given) {
    pve::connection_options options;
    if (const auto file = meant_config(given)) {
        const auto read = read_config(*file, given, options);
        if (!read) return read.error();
    }
    read_options(given, options);
    if (options.endpoints.empty())
        return fault(errc::invalid, "steward",
                     fmt::format("which cluster? Name one with --endpoint n1 --token-file FILE --fingerprint AB:CD:…, "
                                 "or in {}",
                                 default_config));
    return options;
}

result<pve::connection_options> usable_options(const arguments& given) {
    auto options = cluster_options(given);
    if (!options) return options;
    if (const auto who = pve::read_credentials(options->who); !who) return who.error();
    return options;
}

}  // namespace steward::cli
