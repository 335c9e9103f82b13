#include "forecast_view.hpp"

#include "text_table.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::cli {
namespace json = boost::json;
namespace {

json::value seconds_of(const std::optional<duration>& d) {
    if (!d) return nullptr;
    return std::chrono::duration_cast<std::chrono::seconds>(*d).count();
}

json::object guest_as_json(const failover::forecast& f) {
    json::object o{{"guest", to_string(f.guest)},
                   {"name", f.name},
                   {"node", f.node.str()},
                   {"managed", f.is_managed},
                   {"running", f.is_running},
                   {"comes_back", f.how.has_value()},
                   {"strategy", f.how ? json::value(failover::name_of(*f.how)) : json::value()},
                   {"target", f.how ? json::value(f.target.str()) : json::value()},
                   {"archive", f.archive ? json::value(f.archive->str()) : json::value()},
                   {"archive_health", name_of(f.archive_stamp.health)},
                   {"archive_verified",
                    f.archive_stamp.verified ? json::value(format_utc(*f.archive_stamp.verified)) : json::value()},
                   {"loses_s", seconds_of(f.loses)},
                   {"restore_s", seconds_of(f.restore)},
                   {"back_after_s", seconds_of(f.takes)},
                   {"code", f.code},
                   {"text", f.text},
                   {"release", f.release},
                   {"lacks", f.lacks}};
    json::array rejected;
    for (const auto& r : f.rejections) rejected.push_back({{"what", r.what}, {"why", r.why}});
    o["rejected"] = std::move(rejected);
    return o;
}

/// Those who run and would stay down.
bool is_at_risk(const failover::forecast& f) { return f.is_running && !f.how; }

std::string time_or(const std::optional<duration>& d, const char* otherwise) {
    return d ? describe_duration(*d) : otherwise;
}

std::vector<std::string> row_of(const failover::forecast& f) {
    const std::string guest = to_string(f.guest);
    if (!f.how) return {guest, f.name, f.is_running ? "NOT" : "-", "-", "-", fmt::format("{} ({})", f.text, f.code)};
    std::string how =
        *f.how == failover::strategy::relocate ? "its disks are shared" : "restored from " + f.archive->str();
    if (f.archive_stamp.health == model::guest_health::unhealthy) how += ", taken while it was UNHEALTHY";
    if (f.archive_stamp.verified) how += ", verified";
    const std::string loses = f.loses && *f.loses == duration::zero() ? "nothing" : time_or(f.loses, "?");
    return {guest, f.name, time_or(f.takes, "?"), f.target.str(), loses, how};
}

/// What a table has no room for.
std::string remarks_on(const failover::forecast& f) {
    std::string out;
    const std::string guest = to_string(f.guest);
    if (is_at_risk(f) && !f.release.empty()) out += fmt::format("  {}: what helps: {}\n", guest, f.release);
    if (!f.how)
        for (const auto& r : f.rejections) out += fmt::format("  {}: not {}: {}\n", guest, r.what, r.why);
    if (!f.lacks.empty()) out += fmt::format("  {}: {}\n", guest, f.lacks);
    return out;
}

std::string node_as_text(const node_name& node, const std::vector<const failover::forecast*>& guests) {
    std::vector<std::vector<std::string>> rows{{"GUEST", "NAME", "BACK AFTER", "ON", "LOSES", "HOW, OR WHY NOT"}};
    std::string remarks;
    for (const failover::forecast* f : guests) {
        rows.push_back(row_of(*f));
        remarks += remarks_on(*f);
    }
    return fmt::format("if {} died now\n{}{}\n", node.str(), table(rows), remarks);
}

std::string summary_of(const failover::survey& s) {
    const auto running = std::count_if(s.guests.begin(), s.guests.end(), [](const auto& f) { return f.is_running; });
    const auto managed = std::count_if(s.guests.begin(), s.guests.end(), [](const auto& f) { return f.is_managed; });
    const bool is_measured =
        std::none_of(s.guests.begin(), s.guests.end(), [](const auto& f) { return f.how && !f.takes; });
    const std::size_t lost = guests_at_risk(s);
    std::string out =
        fmt::format("{} of {} guest(s) that run would come back", static_cast<std::size_t>(running) - lost, running);
    out += lost == 0 ? "\n" : fmt::format(", {} would stay down\n", lost);
    if (!is_measured)
        out += "BACK AFTER ?: no restore of these has been seen here, so nobody knows how long one takes\n";
    if (managed == 0)
        out +=
            "none of them is managed by Steward: until it is, nothing comes back by itself (docs/configuration.md)\n";
    for (const std::string& p : s.problems) out += "could not be read: " + p + "\n";
    return out;
}

}  // namespace

json::object as_json(const failover::survey& s) {
    json::array guests;
    for (const auto& f : s.guests) guests.push_back(guest_as_json(f));
    json::array problems;
    for (const auto& p : s.problems) problems.emplace_back(p);
    return {{"cluster", s.view.cluster_name},
            {"guests", std::move(guests)},
            {"restores_measured", s.has_measured},
            {"problems", std::move(problems)}};
}

std::string as_text(const failover::survey& s) {
    std::string out;
    for (const auto& [node, row] : s.view.nodes) {
        std::vector<const failover::forecast*> here;
        for (const auto& f : s.guests)
            if (f.node == node) here.push_back(&f);
        if (!here.empty()) out += node_as_text(node, here);
    }
    return out + summary_of(s);
}

std::size_t guests_at_risk(const failover::survey& s) {
    return static_cast<std::size_t>(std::count_if(s.guests.begin(), s.guests.end(), is_at_risk));
}

}  // namespace steward::cli
