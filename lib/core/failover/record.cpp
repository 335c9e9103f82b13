#include "core/failover/record.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <fmt/core.h>

namespace steward::failover {
namespace json = boost::json;
namespace {

constexpr std::size_t largest_record = 4096;

std::int64_t seconds(wall_time t) { return t.time_since_epoch().count(); }
wall_time from_seconds(std::int64_t s) { return wall_time(std::chrono::seconds(s)); }
std::int64_t milliseconds(duration d) { return std::chrono::duration_cast<std::chrono::milliseconds>(d).count(); }

template <class List, class Text>
json::array texts(const List& list, Text text) {
    json::array out;
    for (const auto& item : list) out.emplace_back(text(item));
    return out;
}

json::object plan_to_json(const plan& p) {
    json::object o;
    o["how"] = name_of(p.how);
    o["source"] = p.source.str();
    o["digest"] = p.digest;
    if (p.is_source_gone) {
        o["gone"] = true;
        o["boot"] = p.source_boot;
    }
    o["targets"] = texts(p.targets, [](const node_name& n) { return json::value(n.str()); });
    o["storage"] = p.storage.str();
    o["tags"] = texts(p.tags, [](const std::string& t) { return json::value(t); });
    if (p.archive)
        o["backup"] = json::object{
            {"volid", p.archive->volume.str()}, {"ctime", seconds(p.archive->created)}, {"size", p.archive->bytes}};
    return o;
}

json::object story_to_json(const story_line& l, std::size_t longest_note) {
    return {{"at", name_of(l.at)},
            {"when", seconds(l.when)},
            {"took_ms", milliseconds(l.took)},
            {"note", l.note.size() > longest_note ? l.note.substr(0, longest_note) : l.note}};
}

json::object everything(const record& r, std::size_t first_story_line, std::size_t longest_text) {
    const auto cut = [&](const std::string& t) { return t.size() > longest_text ? t.substr(0, longest_text) : t; };
    json::object o;
    o["format"] = record::format;
    o["guest"] = to_string(r.guest);
    o["seq"] = r.sequence;
    o["epoch"] = r.epoch;
    o["state"] = name_of(r.at);
    o["since"] = seconds(r.since);
    o["reason"] = cut(r.reason);
    o["seen_up"] = r.seen_up;
    if (!r.section.empty()) o["section"] = r.section;
    o["gen"] = r.generation;
    o["claim"] = r.claim;
    if (r.held)
        o["hold"] = json::object{{"code", r.held->code},
                                 {"text", cut(r.held->text)},
                                 {"release", cut(r.held->release)},
                                 {"until", seconds(r.held->until)}};
    o["restarts"] = texts(r.restarts, [](wall_time t) { return json::value(seconds(t)); });
    o["failovers"] = texts(r.failovers, [](wall_time t) { return json::value(seconds(t)); });
    o["ordered"] = r.ordered;
    o["to"] = r.asked.to ? r.asked.to->str() : std::string();
    o["force"] = r.asked.force;
    if (r.chosen) o["plan"] = plan_to_json(*r.chosen);
    o["target"] = r.target.str();
    o["tried"] = texts(r.tried, [&](const std::string& t) { return json::value(cut(t)); });
    o["attempt_since"] = seconds(r.attempt_since);
    o["parked_path"] = r.parked_path;
    o["proof"] = r.proof;
    o["upid"] = r.task;
    o["operation_done"] = r.operation_done;
    json::array story;
    for (std::size_t i = first_story_line; i < r.story.size(); ++i)
        story.push_back(story_to_json(r.story[i], longest_text));
    o["story"] = std::move(story);
    return o;
}

/// Reads members leniently in type, strictly in presence of what matters; the first problem is kept.
class reader {
  public:
    explicit reader(const json::object& o) : object_(o) {}

    [[nodiscard]] std::string text(std::string_view key) const {
        const json::value* v = object_.if_contains(key);
        return v && v->is_string() ? std::string(v->get_string()) : std::string();
    }
    [[nodiscard]] std::int64_t number(std::string_view key) const {
        const json::value* v = object_.if_contains(key);
        if (v && v->is_int64()) return v->get_int64();
        if (v && v->is_uint64()) return static_cast<std::int64_t>(v->get_uint64());
        return 0;
    }
    [[nodiscard]] bool truth(std::string_view key) const {
        const json::value* v = object_.if_contains(key);
        return v && v->is_bool() && v->get_bool();
    }
    [[nodiscard]] const json::object* object(std::string_view key) const {
        const json::value* v = object_.if_contains(key);
        return v && v->is_object() ? &v->get_object() : nullptr;
    }
    template <class Take>
    void each(std::string_view key, Take take) const {
        const json::value* v = object_.if_contains(key);
        if (!v || !v->is_array()) return;
        for (const json::value& item : v->get_array()) take(item);
    }
    [[nodiscard]] std::vector<std::string> texts_of(std::string_view key) const {
        std::vector<std::string> out;
        each(key, [&](const json::value& v) {
            if (v.is_string()) out.emplace_back(v.get_string());
        });
        return out;
    }
    [[nodiscard]] std::vector<wall_time> times_of(std::string_view key) const {
        std::vector<wall_time> out;
        each(key, [&](const json::value& v) {
            if (v.is_int64()) out.push_back(from_seconds(v.get_int64()));
        });
        return out;
    }

  private:
    const json::object& object_;
};

plan plan_from_json(const json::object& o, guest_id guest) {
    const reader in(o);
    plan p;
    for (const strategy s : {strategy::restore, strategy::relocate, strategy::migrate})
        if (in.text("how") == name_of(s)) p.how = s;
    p.source = node_name(in.text("source"));
    p.digest = in.text("digest");
    p.is_source_gone = in.truth("gone");
    p.source_boot = in.text("boot");
    for (const std::string& n : in.texts_of("targets")) p.targets.emplace_back(n);
    p.storage = storage_id(in.text("storage"));
    p.tags = in.texts_of("tags");
    if (const json::object* b = in.object("backup")) {
        const reader from(*b);
        model::backup archive;
        archive.guest = guest;
        archive.volume = volid(from.text("volid"));
        archive.created = from_seconds(from.number("ctime"));
        archive.bytes = static_cast<std::uint64_t>(from.number("size"));
        p.archive = std::move(archive);
    }
    return p;
}

void read_story(const reader& in, record& into) {
    in.each("story", [&](const json::value& v) {
        if (!v.is_object()) return;
        const reader from(v.get_object());
        story_line l;
        l.at = parse_phase(from.text("at")).value_or(phase::watching);
        l.when = from_seconds(from.number("when"));
        l.took = std::chrono::milliseconds(from.number("took_ms"));
        l.note = from.text("note");
        into.story.push_back(std::move(l));
    });
}

}  // namespace

std::string to_json(const record& r) {
    for (std::size_t longest_text : {300U, 120U, 60U, 30U}) {
        for (std::size_t first = 0; first <= r.story.size(); ++first) {
            std::string text = json::serialize(everything(r, first, longest_text));
            if (text.size() <= largest_record) return text;
            // Keep the most recent lines whole before cutting texts further.
            if (r.story.size() - first <= 8) break;
        }
    }
    return json::serialize(everything(r, r.story.size(), 30));
}

result<record> parse_record(std::string_view text) {
    const auto bad = [](std::string why) { return fault(errc::garbage, "record", std::move(why)); };
    boost::system::error_code ec;
    const json::value parsed = json::parse(json::string_view(text.data(), text.size()), ec);
    if (ec || !parsed.is_object()) return bad("is not a JSON object");
    const reader in(parsed.get_object());
    if (in.number("format") > record::format)
        return fault(errc::unsupported, "record",
                     fmt::format("has format {}, this program knows {}: a newer one has written it",
                                 in.number("format"), int{record::format}));
    if (in.number("format") != record::format)
        return bad(fmt::format("has format {}, this program knows {}", in.number("format"), int{record::format}));
    const auto guest = parse_guest_id(in.text("guest"));
    const auto at = parse_phase(in.text("state"));
    if (!guest) return bad(guest.error().detail);
    if (!at) return bad("has the unknown state \"" + in.text("state") + "\"");
    record r;
    r.guest = *guest;
    r.at = *at;
    r.sequence = static_cast<std::uint64_t>(in.number("seq"));
    r.epoch = static_cast<std::uint64_t>(in.number("epoch"));
    r.since = from_seconds(in.number("since"));
    r.reason = in.text("reason");
    r.seen_up = in.truth("seen_up");
    r.section = in.text("section");
    r.generation = static_cast<std::uint32_t>(in.number("gen"));
    r.claim = static_cast<std::uint32_t>(in.number("claim"));
    if (const json::object* h = in.object("hold")) {
        const reader from(*h);
        r.held = hold{from.text("code"), from.text("text"), from.text("release"), from_seconds(from.number("until"))};
    }
    r.restarts = in.times_of("restarts");
    r.failovers = in.times_of("failovers");
    r.ordered = in.truth("ordered");
    if (!in.text("to").empty()) r.asked.to = node_name(in.text("to"));
    r.asked.force = in.truth("force");
    if (const json::object* p = in.object("plan")) r.chosen = plan_from_json(*p, r.guest);
    r.target = node_name(in.text("target"));
    r.tried = in.texts_of("tried");
    r.attempt_since = from_seconds(in.number("attempt_since"));
    r.parked_path = in.text("parked_path");
    r.proof = in.text("proof");
    r.task = in.text("upid");
    r.operation_done = in.truth("operation_done");
    read_story(in, r);
    if (is_in_flight(r.at) && !r.chosen) return bad("is in flight without a plan");
    return r;
}

std::string record_name(guest_id guest) { return fmt::format("guest.{}", guest.id.number()); }

}  // namespace steward::failover
