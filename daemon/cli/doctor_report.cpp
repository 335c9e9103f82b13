#include "doctor_report.hpp"

#include "output.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::cli {
namespace json = boost::json;
namespace {

std::string mark(severity s) {
    const std::string word = fmt::format("{:<8}", name_of(s));
    if (s == severity::critical) return painted(colour::red, word);
    return s == severity::ok ? painted(colour::green, word) : painted(colour::yellow, word);
}

/// Each line of it below the finding.
std::string indented(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        out += "            " + text.substr(at, end - at) + "\n";
        at = end + 1;
    }
    return out;
}

}  // namespace

const char* name_of(severity s) {
    switch (s) {
        case severity::ok: return "ok";
        case severity::unknown: return "unknown";
        case severity::warning: return "warning";
        case severity::critical: break;
    }
    return "critical";
}

severity doctor_report::worst() const {
    severity w = severity::ok;
    for (const finding& f : all) w = std::max(w, f.how);
    return w;
}

std::string as_text(const doctor_report& r) {
    std::string out;
    for (const finding& f : r.all) out += fmt::format("{}  {}: {}\n{}", mark(f.how), f.topic, f.text, indented(f.todo));
    return out + fmt::format("\n{}\n", name_of(r.worst()));
}

json::object as_json(const doctor_report& r) {
    json::array all;
    for (const finding& f : r.all)
        all.push_back(
            json::object{{"severity", name_of(f.how)}, {"topic", f.topic}, {"text", f.text}, {"todo", f.todo}});
    return {{"severity", name_of(r.worst())}, {"findings", std::move(all)}};
}

int exit_code_of(const doctor_report& r) {
    switch (r.worst()) {
        case severity::ok: return 0;
        case severity::unknown: return 3;
        case severity::warning: return 1;
        case severity::critical: break;
    }
    return 2;
}

}  // namespace steward::cli
