#include "config/load.hpp"
#include "daemon.hpp"
#include "runtime/log_sinks.hpp"

#include <boost/program_options.hpp>

#include <iostream>

namespace {

namespace options = boost::program_options;

steward::log::level level_of(const std::string& word) {
    using steward::log::level;
    if (word == "debug") return level::debug;
    if (word == "warning") return level::warning;
    if (word == "error") return level::error;
    return level::info;
}

int start(const std::string& file) {
    steward::config::loaded config = steward::config::load_file(file);
    for (const auto& problem : config.problems) std::cerr << to_string(problem) << '\n';
    if (!config.problems.empty()) {
        std::cerr << "stewardd: not started: " << config.problems.size() << " problem(s) in " << file << '\n';
        return 1;
    }
    const bool as_json = config.values.terminal_log == steward::config::log_format::json;
    steward::log::use_standard_sink(level_of(config.values.log_level),
                                    as_json ? steward::log::format::json : steward::log::format::text);
    return steward::run_daemon(file, std::move(config));
}

}  // namespace

int main(int argc, char** argv) {
    options::options_description known("stewardd: looks after the guests of a Proxmox VE cluster\n\nOptions");
    known.add_options()("config", options::value<std::string>()->default_value("/etc/steward/steward.yaml"),
                        "configuration file")("help", "show this")("version", "show the version");
    try {
        options::variables_map given;
        options::store(options::parse_command_line(argc, argv, known), given);
        options::notify(given);
        if (given.count("help")) return std::cout << known, 0;
        if (given.count("version")) return std::cout << "stewardd " STEWARD_VERSION "\n", 0;
        return start(given["config"].as<std::string>());
    } catch (const options::error& e) {
        std::cerr << "stewardd: " << e.what() << "; see --help\n";
        return 2;
    } catch (const std::exception& e) {
        std::cerr << "stewardd: unexpected failure: " << e.what() << '\n';
        return 1;
    }
}
