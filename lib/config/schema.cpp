#include "config/schema.hpp"

#include "config/effective.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::config {
namespace json = boost::json;
namespace {

/// One of everything that has keys of its own: the loader asks for all others by itself.
constexpr const char* way = "endpoint: 'https://n1', token_file: /t";
constexpr const char* hooks = R"({
  restart: {pre: [{command: [/bin/true]}], post: [{command: [/bin/true]}], failed: [{command: [/bin/true]}]},
  handover: {pre: [{command: [/bin/true]}], post: [{command: [/bin/true]}], failed: [{command: [/bin/true]}]}})";
constexpr const char* checks = R"([
  {http: 'https://n1/', headers: {X-A: {file: /h}}, json: {pointer: /a, equals: b}},
  {tcp: 'n1:22'}, {icmp: n1}, {dns: n1, query: example.com}, {exec: [/bin/true]}])";

/// A file with one cluster, and one with several.
std::vector<std::string> samples() {
    const std::string beside = fmt::format(
        "nodes: {{n1: {{fence: {{command: [/bin/fence]}}}}}}, hooks: {0}, gateways: {1}, "
        "guests: {{vm/102: {{checks: [{{pve: running}}, {{agent: ping}}]}}, ct/101: {{checks: {1}, hooks: {0}}}}}",
        hooks, checks);
    return {fmt::format("{{cluster: {{{}}}, {}}}", way, beside),
            fmt::format("{{clusters: {{a: {{{}, {}}}}}}}", way, beside)};
}

bool holds_names(const std::string& section) {
    return section == "guests" || section == "nodes" || section == "headers" || section == "clusters";
}

/// "guests.ct/101.checks[0].x" → "guests.*.checks[].x"
std::string general(const std::string& path) {
    std::vector<std::string> parts = parts_of_path(path);
    std::string out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const bool is_name = i > 0 && holds_names(parts[i - 1]);
        if (parts[i].front() == '[')
            out += "[]";
        else
            out += (out.empty() ? "" : ".") + (is_name ? "*" : parts[i]);
    }
    return out;
}

json::object text_schema() { return {{"type", json::array{"string", "number", "boolean"}}}; }

json::object leaf_schema(const key_record& k) {
    switch (k.kind) {
        case key_kind::anything: return {};
        case key_kind::text: return text_schema();
        case key_kind::path: return {{"type", "string"}, {"pattern", "^/"}};
        case key_kind::boolean: return {{"type", "boolean"}};
        case key_kind::number:
            return {{"type", "integer"}, {"minimum", std::stoi(k.least)}, {"maximum", std::stoi(k.most)}};
        case key_kind::time:
            return {{"type", json::array{"string", "integer"}},
                    {"description", fmt::format("a time, {} to {}", k.least, k.most)}};
        case key_kind::choice: return {{"enum", json::array(k.choices.begin(), k.choices.end())}};
        case key_kind::texts: break;
    }
    return {{"anyOf", json::array{text_schema(), json::object{{"type", "array"}, {"items", text_schema()}}}}};
}

json::object& member(json::object& of, std::string_view name) {
    json::value& v = of[name];
    if (!v.is_object()) v.emplace_object();
    return v.get_object();
}

/// What stands for `part` below that section.
json::object& step_into(json::object& at, std::string_view part) {
    if (part == "[]") {
        at["type"] = "array";
        return member(at, "items");
    }
    at["type"] = "object";
    if (part == "*") return member(at, "additionalProperties");
    at["additionalProperties"] = false;
    return member(member(at, "properties"), part);
}

std::vector<std::string> general_parts(const std::string& path) {
    std::vector<std::string> parts = parts_of_path(path);
    for (std::string& p : parts)
        if (p.front() == '[') p = "[]";
    return parts;
}

}  // namespace

std::vector<key_record> known_keys() {
    std::vector<key_record> all;
    std::vector<key_record> met;
    for (const std::string& text : samples())
        for (key_record& k : keys_of({source_text("sample", text)})) met.push_back(std::move(k));
    for (key_record& k : met) {
        k.path = general(k.path);
        const auto same = std::find_if(all.begin(), all.end(), [&](const key_record& o) { return o.path == k.path; });
        if (same == all.end())
            all.push_back(std::move(k));
        else if (same->kind == key_kind::anything)
            *same = std::move(k);  // read by those checks whose key it is, only known to the others
    }
    return all;
}

json::object configuration_schema() {
    json::object root{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "steward.yaml"}};
    for (const key_record& k : known_keys()) {
        json::object* at = &root;
        for (const std::string& part : general_parts(k.path)) at = &step_into(*at, part);
        // A section has got its keys already, or gets them next.
        for (auto& [name, value] : leaf_schema(k))
            if (!at->contains(name) && !at->contains("properties")) at->emplace(name, value);
    }
    root["oneOf"] = json::array{json::object{{"required", json::array{"cluster"}}},
                                json::object{{"required", json::array{"clusters"}}}};
    return root;
}

}  // namespace steward::config
