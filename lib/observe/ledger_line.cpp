#include "observe/ledger_line.hpp"

#include "base/clean_text.hpp"
#include "observe/sha256.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace steward::ledger_line {
namespace json = boost::json;
namespace {

constexpr std::size_t longest_text = 2048;
constexpr std::size_t longest_value = 512;
constexpr std::size_t most_items = 48;
constexpr std::size_t hash_digits = 64;
constexpr std::string_view hash_key = ",\"hash\":\"";
constexpr std::string_view sequence_key = "{\"seq\":";

void add(json::object& to, std::string_view key, const std::string& value, std::size_t most = longest_value) {
    if (!value.empty()) to[key] = valid_utf8(value, most);
}

json::array gates_of(const std::vector<gate>& all) {
    json::array out;
    for (std::size_t i = 0; i < std::min(all.size(), most_items); ++i) {
        json::object one;
        one["gate"] = valid_utf8(all[i].name, longest_value);
        one["passes"] = all[i].passes;
        add(one, "text", all[i].text);
        out.push_back(std::move(one));
    }
    return out;
}

}  // namespace

std::string first_anchor() { return std::string(hash_digits, '0'); }

std::string to_json(const decision& d) {
    json::object o;
    o["when"] = format_utc(d.when);
    add(o, "node", d.node);
    add(o, "about", d.about);
    add(o, "kind", d.kind);
    add(o, "verdict", d.verdict);
    add(o, "code", d.code);
    add(o, "text", d.text, longest_text);
    add(o, "release", d.release);
    add(o, "from", d.from);
    add(o, "to", d.to);
    add(o, "begins", d.begins);
    add(o, "by", d.by);
    if (d.epoch != 0) o["epoch"] = d.epoch;
    if (d.generation != 0) o["generation"] = d.generation;
    if (d.repeats != 0) o["repeats"] = d.repeats;
    if (!d.observed.empty()) {
        json::object seen;
        for (std::size_t i = 0; i < std::min(d.observed.size(), most_items); ++i)
            add(seen, valid_utf8(d.observed[i].first, longest_value), d.observed[i].second,
                d.observed[i].first == "output" ? 8 * longest_text : longest_value);
        o["observed"] = std::move(seen);
    }
    if (!d.gates.empty()) o["gates"] = gates_of(d.gates);
    return json::serialize(o);
}

std::string header(std::uint64_t file, const std::string& anchor, wall_time when, const std::string& why) {
    json::object o;
    o["when"] = format_utc(when);
    o["kind"] = "file";
    o["file"] = file;
    o["anchor"] = anchor;
    add(o, "text", why);
    return json::serialize(o);
}

sealed seal(const std::string& json, std::uint64_t sequence, const std::string& previous) {
    // What was given is an object of ours with at least one member: its brace gives way to the number.
    std::string body = fmt::format("{}{},{}", sequence_key, sequence, std::string_view(json).substr(1));
    sealed line;
    line.hash = sha256_hex({previous, body});
    body.pop_back();
    line.text = fmt::format("{}{}{}\"}}", body, hash_key, line.hash);
    return line;
}

std::optional<parts> take_apart(std::string_view line) {
    constexpr std::size_t tail = hash_key.size() + hash_digits + 2;
    if (line.size() <= tail || !line.starts_with(sequence_key) || !line.ends_with("\"}")) return std::nullopt;
    parts out;
    out.body = line.substr(0, line.size() - tail);
    if (line.substr(out.body.size(), hash_key.size()) != hash_key) return std::nullopt;
    out.hash = line.substr(out.body.size() + hash_key.size(), hash_digits);
    if (out.hash.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
    const char* const number = line.data() + sequence_key.size();
    const auto read = std::from_chars(number, line.data() + line.size(), out.sequence);
    if (read.ec != std::errc() || *read.ptr != ',') return std::nullopt;
    return out;
}

bool follows(const parts& line, std::string_view previous) {
    return sha256_hex({previous, line.body, "}"}) == line.hash;
}

std::string text_of(std::string_view line, std::string_view key) {
    boost::system::error_code ec;
    const json::value parsed = json::parse(line, ec);
    if (ec || !parsed.is_object()) return {};
    const json::value* v = parsed.get_object().if_contains(key);
    if (v == nullptr) return {};
    return v->is_string() ? std::string(v->get_string()) : json::serialize(*v);
}

bool is_json_about(std::string_view line, const std::string& about, std::string_view since) {
    boost::system::error_code ec;
    const json::value parsed = json::parse(line, ec);
    if (ec || !parsed.is_object()) return false;
    const auto text = [&](std::string_view key) -> std::string_view {
        const json::value* v = parsed.get_object().if_contains(key);
        if (v == nullptr || !v->is_string()) return {};
        return {v->get_string().data(), v->get_string().size()};
    };
    // The time is UTC in a fixed form: it sorts as text.
    return (about.empty() || text("about") == about) && text("when") >= since;
}

}  // namespace steward::ledger_line
