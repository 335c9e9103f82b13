#include "runtime/log_sinks.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <cstdlib>
#include <memory>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

namespace steward::log {
namespace {

int priority_of(level l) {
    switch (l) {
        case level::debug: return LOG_DEBUG;
        case level::info: return LOG_INFO;
        case level::warning: return LOG_WARNING;
        case level::error: return LOG_ERR;
    }
    return LOG_INFO;
}

spdlog::level::level_enum spdlog_level(level l) {
    switch (l) {
        case level::debug: return spdlog::level::debug;
        case level::info: return spdlog::level::info;
        case level::warning: return spdlog::level::warn;
        case level::error: return spdlog::level::err;
    }
    return spdlog::level::info;
}

std::string journal_key(std::string_view key) {
    std::string out = "STEWARD_";
    for (char c : key) out += (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

void to_journal(const event& e) {
    std::vector<std::string> lines;
    lines.push_back("MESSAGE=" + to_line(e));
    lines.push_back("PRIORITY=" + std::to_string(priority_of(e.severity)));
    lines.push_back("STEWARD_EVENT=" + std::string(e.name));
    for (const field& f : e.fields) lines.push_back(journal_key(f.key) + "=" + f.value);
    std::vector<iovec> vectors;
    for (std::string& l : lines) vectors.push_back({l.data(), l.size()});
    sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size()));
}

std::string json_string(std::string_view text) {
    std::string out = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) < 0x20)
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            out += c;
    }
    return out + '"';
}

std::string to_json(const event& e) {
    std::string out = "{\"event\":" + json_string(e.name);
    for (const field& f : e.fields) out += "," + json_string(f.key) + ":" + json_string(f.value);
    return out + "}";
}

}  // namespace

void use_standard_sink(level lowest, format terminal_format) {
    if (std::getenv("JOURNAL_STREAM") != nullptr) {
        set_sink(to_journal, lowest);
        return;
    }
    auto logger = std::make_shared<spdlog::logger>("steward", std::make_shared<spdlog::sinks::stderr_color_sink_st>());
    logger->set_level(spdlog::level::debug);
    logger->flush_on(spdlog::level::debug);
    const bool json = terminal_format == format::json;
    logger->set_pattern(
        json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","fields":%v})" : "%H:%M:%S.%e %^%-7l%$ %v",
        json ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local);
    set_sink([logger, json](const event& e) { logger->log(spdlog_level(e.severity), json ? to_json(e) : to_line(e)); },
             lowest);
}

}  // namespace steward::log
