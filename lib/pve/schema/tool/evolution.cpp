#include "pve/schema/tool/evolution.hpp"

#include "pve/schema/tool/dump_reader.hpp"
#include "pve/schema/tool/dump_values.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>

namespace steward::pve::schema {

namespace json = boost::json;

namespace {

const json::object* find_object(const json::object& in, std::string_view key) {
    const json::value* found = in.if_contains(key);
    return found ? found->if_object() : nullptr;
}

std::string find_text(const json::object& in, std::string_view key) {
    const json::value* found = in.if_contains(key);
    return found ? text_in(*found).value_or("") : "";
}

version find_version(const json::object& in, std::string_view key) {
    const auto read = parse_version(find_text(in, key));
    return read ? *read : version();
}

versions read_life(const json::object& in) {
    versions life;
    life.since = find_version(in, "since");
    life.until = find_version(in, "until");
    return life;
}

void read_lives(const json::object& in, std::string_view key, std::map<std::string, versions, std::less<>>& into) {
    const json::object* named = find_object(in, key);
    if (!named) return;
    for (const auto& [name, life] : *named)
        if (life.is_object()) into[std::string(name)] = read_life(life.get_object());
}

std::vector<std::string> read_texts(const json::object& in, std::string_view key) {
    std::vector<std::string> texts;
    const json::value* found = in.if_contains(key);
    if (!found || !found->is_array()) return texts;
    for (const json::value& one : found->get_array())
        if (auto text = text_in(one)) texts.push_back(std::move(*text));
    return texts;
}

evolution::change read_change(const json::object& in) {
    evolution::change read;
    read.at = find_version(in, "version");
    read.name = find_text(in, "param");
    read.what = find_text(in, "what");
    if (const json::value* from = in.if_contains("from")) read.from = *from;
    if (const json::value* to = in.if_contains("to")) read.to = *to;
    read.added = read_texts(in, "added");
    read.removed = read_texts(in, "removed");
    return read;
}

void read_history(const json::object& in, evolution::history& into) {
    into.lives.push_back(read_life(in));
    read_lives(in, "parameters", into.parameters);
    read_lives(in, "returns", into.results);
    if (const json::value* changes = in.if_contains("changes"); changes && changes->is_array())
        for (const json::value& one : changes->get_array())
            if (one.is_object()) into.changes.push_back(read_change(one.get_object()));
    std::stable_sort(into.changes.begin(), into.changes.end(),
                     [](const evolution::change& a, const evolution::change& b) { return a.at < b.at; });
}

}  // namespace

result<evolution> evolution::read(std::string_view text) {
    const fault bad(errc::garbage, "evolution.json", "expected {\"versions\": […], \"methods\": {…}}");
    json::parse_options options;
    options.max_depth = 64;
    json::error_code ec;
    const json::value whole = json::parse(json::string_view(text.data(), text.size()), ec, {}, options);
    if (ec) return fault(errc::garbage, "evolution.json", ec.message());
    const json::object* fields = whole.if_object();
    const json::object* methods = fields ? find_object(*fields, "methods") : nullptr;
    if (!methods) return bad;
    evolution read;
    for (const std::string& release : read_texts(*fields, "versions")) {
        const auto parsed = parse_version(release);
        if (!parsed) return parsed.error();
        read.releases_.push_back(*parsed);
    }
    std::sort(read.releases_.begin(), read.releases_.end());
    for (const auto& [key, history] : *methods)
        if (history.is_object())
            read_history(history.get_object(), read.methods_[url_shape(std::string_view(key.data(), key.size()))]);
    return read;
}

const evolution::history& evolution::of(const method& what) const {
    static const history nothing;
    const auto found = methods_.find(what.verb + " " + url_shape(what.path));
    return found == methods_.end() ? nothing : found->second;
}

}  // namespace steward::pve::schema
