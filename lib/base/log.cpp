#include "base/log.hpp"

#include "base/log_subject.hpp"

namespace steward::log {
namespace {

sink& current_sink() {
    static sink s;
    return s;
}
level& lowest_level() {
    static level l = level::info;
    return l;
}

const std::string*& current_subject() {
    thread_local const std::string* name = nullptr;
    return name;
}

void emit(level severity, std::string_view name, std::vector<field> fields) {
    if (severity < lowest_level() || !current_sink()) return;
    if (const std::string* about = current_subject()) fields.emplace_back("cluster", *about);
    current_sink()(event(severity, name, std::move(fields)));
}

bool needs_quotes(const std::string& text) {
    if (text.empty()) return true;
    for (char c : text)
        if (c <= ' ' || c == '"' || c == '=' || c == 0x7f) return true;
    return false;
}

}  // namespace

subject::subject(const std::string& name) noexcept : before_(std::exchange(current_subject(), &name)) {}

subject::~subject() { current_subject() = before_; }

void set_sink(sink where, level lowest) {
    current_sink() = std::move(where);
    lowest_level() = lowest;
}

void debug(std::string_view name, std::vector<field> fields) { emit(level::debug, name, std::move(fields)); }
void info(std::string_view name, std::vector<field> fields) { emit(level::info, name, std::move(fields)); }
void warning(std::string_view name, std::vector<field> fields) { emit(level::warning, name, std::move(fields)); }
void error(std::string_view name, std::vector<field> fields) { emit(level::error, name, std::move(fields)); }

std::string to_line(const event& e) {
    std::string line(e.name);
    for (const field& f : e.fields) {
        line += ' ';
        line += f.key;
        line += '=';
        if (!needs_quotes(f.value)) {
            line += f.value;
            continue;
        }
        line += '"';
        for (char c : f.value) {
            // One event is one line, whatever a server put into its message.
            if (c == '"' || c == '\\') line += '\\';
            line += (c == '\n' || c == '\r' || c == '\t') ? ' ' : c;
        }
        line += '"';
    }
    return line;
}

}  // namespace steward::log
