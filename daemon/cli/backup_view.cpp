#include "backup_view.hpp"

#include "base/time.hpp"
#include "text_table.hpp"

#include <array>
#include <charconv>
#include <fmt/core.h>

namespace steward::cli {
namespace json = boost::json;
namespace {

std::string age_of(const model::backup& b, wall_time now) {
    return b.created > now ? "in the future" : describe_duration(now - b.created);
}

std::string state_of(const model::backup& b) {
    std::string words;
    const auto add = [&words](const char* word) { words += (words.empty() ? "" : ", ") + std::string(word); };
    if (b.bytes == 0) add("EMPTY");
    if (b.verify_failed) add("VERIFICATION FAILED");
    if (b.is_protected) add("protected");
    if (b.encrypted) add("encrypted");
    if (b.stamp.health == model::guest_health::healthy) add("healthy");
    if (b.stamp.health == model::guest_health::unhealthy) add("GUEST WAS UNHEALTHY");
    if (b.stamp.verified) add("verified");
    return words.empty() ? "-" : words;
}

std::string place_of(const model::backup& b) { return b.only_on.empty() ? "shared" : b.only_on.str(); }

json::object archive_as_json(const model::backup& b) {
    return {{"volid", b.volume.str()},
            {"guest", to_string(b.guest)},
            {"created", b.created.time_since_epoch().count()},
            {"bytes", b.bytes},
            {"only_on", b.only_on.empty() ? json::value() : json::value(b.only_on.str())},
            {"protected", b.is_protected},
            {"encrypted", b.encrypted},
            {"verify_failed", b.verify_failed},
            {"health", name_of(b.stamp.health)},
            {"verified", b.stamp.verified ? json::value(format_utc(*b.stamp.verified)) : json::value()},
            {"good", backup::is_good(b)}};
}

}  // namespace

std::string describe_bytes(std::uint64_t bytes) {
    constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units.at(unit));
}

std::optional<int> percent_in(std::string_view line) {
    const std::size_t sign = line.find("% (");
    if (sign == std::string_view::npos) return std::nullopt;
    std::size_t begin = sign;
    while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9') --begin;
    int percent = 0;
    const auto [end, ec] = std::from_chars(line.data() + begin, line.data() + sign, percent);
    if (begin == sign || ec != std::errc() || percent > 100) return std::nullopt;
    return percent;
}

std::string archives_as_text(const std::vector<listed_archive>& all, wall_time now) {
    std::vector<std::vector<std::string>> rows{{"GUEST", "NAME", "AGE", "SIZE", "ON", "STATE", "ARCHIVE"}};
    for (const listed_archive& l : all) {
        const std::string name = l.is_there ? l.name : "(gone)";
        if (!l.archive)
            rows.push_back({to_string(l.guest), name, "-", "-", "-", "NO BACKUP", "-"});
        else
            rows.push_back({to_string(l.guest), name, age_of(*l.archive, now), describe_bytes(l.archive->bytes),
                            place_of(*l.archive), state_of(*l.archive), l.archive->volume.str()});
    }
    return rows.size() == 1 ? std::string("no backups\n") : table(rows);
}

json::array archives_as_json(const std::vector<listed_archive>& all, wall_time now) {
    json::array out;
    for (const listed_archive& l : all) {
        json::object o{{"guest", to_string(l.guest)}, {"name", l.name}, {"exists", l.is_there}};
        if (l.archive) {
            o = archive_as_json(*l.archive);
            o["name"] = l.name;
            o["exists"] = l.is_there;
            o["age_s"] = (now - l.archive->created).count();
        } else {
            o["volid"] = nullptr;
        }
        out.push_back(std::move(o));
    }
    return out;
}

std::string judged_as_text(const std::vector<backup::judged_archive>& all, wall_time now) {
    std::vector<std::vector<std::string>> rows{{"GUEST", "AGE", "SIZE", "", "WHY", "ARCHIVE"}};
    for (const auto& j : all)
        rows.push_back({to_string(j.archive.guest), age_of(j.archive, now), describe_bytes(j.archive.bytes),
                        j.goes ? "REMOVE" : "keep", j.why, j.archive.volume.str()});
    return rows.size() == 1 ? std::string("no backups\n") : table(rows);
}

json::array judged_as_json(const std::vector<backup::judged_archive>& all) {
    json::array out;
    for (const auto& j : all) {
        json::object o = archive_as_json(j.archive);
        o["remove"] = j.goes;
        o["why"] = j.why;
        out.push_back(std::move(o));
    }
    return out;
}

json::array outcomes_as_json(const std::vector<backup_outcome>& all) {
    json::array out;
    for (const backup_outcome& o : all) out.push_back({{"what", o.what}, {"ok", o.is_good}, {"text", o.text}});
    return out;
}

}  // namespace steward::cli
