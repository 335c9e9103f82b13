#include "config_command.hpp"

#include "api_exit.hpp"
#include "cluster_options.hpp"
#include "config/effective.hpp"
#include "config/schema.hpp"
#include "control_client.hpp"
#include "daemon_commands.hpp"
#include "output.hpp"
#include "pve/shell/output.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <fmt/core.h>
#include <iostream>
#include <map>

namespace steward::cli {
namespace json = boost::json;
namespace {

std::string file_of(const arguments& given) { return given.option("config", default_config); }

/// A good configuration, or nothing, with its problems on standard error.
std::optional<config::loaded> load_good(const std::string& file) {
    config::loaded read = config::load_file(file);
    for (const auto& p : read.problems) std::cerr << to_string(p) << '\n';
    if (!read.problems.empty()) return std::nullopt;
    return read;
}

using flat_tree = std::map<std::string, std::string>;

/// "guests.ct/101.checks[0].fall" → "3"
void flatten(const std::string& path, const json::value& v, flat_tree& into) {
    if (v.is_object() && !v.get_object().empty()) {
        for (const auto& [key, value] : v.get_object())
            flatten(path.empty() ? std::string(key) : fmt::format("{}.{}", path, std::string_view(key)), value, into);
        return;
    }
    const bool is_list_of_sections = v.is_array() && !v.get_array().empty() && v.get_array().front().is_object();
    for (std::size_t i = 0; is_list_of_sections && i < v.get_array().size(); ++i)
        flatten(fmt::format("{}[{}]", path, i), v.get_array()[i], into);
    if (!is_list_of_sections) into[path] = json::serialize(v);
}

flat_tree flat(const json::value& tree) {
    flat_tree out;
    flatten("", tree, out);
    return out;
}

/// Both sides of each key that differs.
json::array differences(const flat_tree& running, const flat_tree& in_file) {
    json::array out;
    const auto value_of = [](const flat_tree& tree, const std::string& key) {
        const auto found = tree.find(key);
        return found == tree.end() ? json::value() : json::parse(found->second);
    };
    flat_tree all = running;
    all.insert(in_file.begin(), in_file.end());
    for (const auto& [key, unused] : all) {
        json::value was = value_of(running, key);
        json::value is = value_of(in_file, key);
        if (was != is) out.push_back(json::object{{"key", key}, {"running", std::move(was)}, {"file", std::move(is)}});
    }
    return out;
}

std::string as_text(const json::array& all, const std::string& file) {
    if (all.empty()) return fmt::format("stewardd runs with what {} says\n", file);
    std::string out = fmt::format("--- stewardd\n+++ {}\n", file);
    for (const json::value& v : all) {
        const json::object& d = v.get_object();
        const std::string key(d.at("key").get_string());
        if (!d.at("running").is_null())
            out += painted(colour::red, fmt::format("-{}: {}", key, json::serialize(d.at("running")))) + "\n";
        if (!d.at("file").is_null())
            out += painted(colour::green, fmt::format("+{}: {}", key, json::serialize(d.at("file")))) + "\n";
    }
    return out + "systemctl reload stewardd makes it read the file\n";
}

}  // namespace

int config_show(const arguments& given) {
    const auto read = load_good(file_of(given));
    if (!read) return 1;
    if (given.has("effective")) {
        const json::object tree = config::effective_config(read->sources);
        print_answer(given, tree, is_for_people(given) ? pve::shell::as_yaml(tree) : "");
        return 0;
    }
    json::array files;
    std::string text;
    for (const config::source_text& s : read->sources) {
        if (read->sources.size() > 1) text += fmt::format("# {}\n", s.name);
        text += s.text;
        files.push_back(json::object{{"file", s.name}, {"text", s.text}});
    }
    print_answer(given, files, text);
    return 0;
}

int config_diff(const arguments& given) {
    const auto answer =
        ask_daemon(given.option("socket", default_socket), {{"do", "config"}}, std::chrono::seconds(10));
    if (!answer) {
        std::cerr << "steward: " << answer.error().text() << '\n';
        return 3;
    }
    const json::value* running = answer->if_contains("effective");
    const json::value* used = answer->if_contains("file");
    if (running == nullptr || used == nullptr || !used->is_string()) {
        std::cerr << "steward: the daemon is older than this program and cannot tell its configuration; restart it\n";
        return 3;
    }
    const std::string file = given.option("config", std::string(used->get_string()));
    const auto read = load_good(file);
    if (!read) return 1;
    const json::array found = differences(flat(*running), flat(config::effective_config(read->sources)));
    print_answer(given, json::object{{"file", file}, {"differences", found}}, as_text(found, file));
    return found.empty() ? 0 : 1;
}

int config_schema(const arguments&) {
    std::cout << pve::shell::as_json(config::configuration_schema());
    return 0;
}

}  // namespace steward::cli
