#include "config/effective.hpp"

#include "config/text_values.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <fmt/core.h>
#include <map>

namespace steward::config {
namespace json = boost::json;
namespace {

/// A program's arguments without what its password options say.
std::vector<std::string> without_passwords(std::vector<std::string> words) {
    for (const std::string& secret : passwords_among(words))
        for (std::string& word : words)
            if (word.ends_with(secret)) word.replace(word.size() - secret.size(), secret.size(), "(not shown)");
    return words;
}

/// `record` with nothing in it that may be a secret.
std::vector<std::string> harmless(const key_record& record, const std::vector<std::string>& parts) {
    const std::string& key = parts.back();
    const bool is_in_header = parts.size() > 1 && parts[parts.size() - 2] == "headers";
    const bool is_content = key == "body" || key == "send" || is_in_header;
    std::vector<std::string> values = record.values;
    for (std::string& v : values) {
        if (is_content && !v.empty()) v = fmt::format("({} bytes, not shown)", v.size());
        const std::size_t query = key == "http" || key == "name" ? v.find('?') : std::string::npos;
        if (query != std::string::npos) v = v.substr(0, query) + "?(not shown)";
    }
    return without_passwords(std::move(values));
}

json::value as_json(const key_record& record, const std::vector<std::string>& parts) {
    const std::vector<std::string> values = harmless(record, parts);
    const bool is_list = record.kind == key_kind::texts || record.shape == node_kind::sequence;
    if (is_list) return json::array(values.begin(), values.end());
    if (values.empty()) return nullptr;
    if (record.kind == key_kind::boolean) return values.front() == "true";
    if (record.kind == key_kind::number) return parse_whole_number(values.front()).value_or(0);
    return json::value(values.front());
}

/// Where `parts` lead in the tree; what is missing on the way is made.
json::value& place_in(json::value& root, const std::vector<std::string>& parts) {
    json::value* at = &root;
    for (const std::string& part : parts) {
        if (part.front() == '[') {
            const auto index = static_cast<std::size_t>(std::stoul(part.substr(1)));
            if (!at->is_array()) at->emplace_array();
            if (at->get_array().size() <= index) at->get_array().resize(index + 1);
            at = &at->get_array()[index];
        } else {
            if (!at->is_object()) at->emplace_object();
            at = &at->get_object()[part];
        }
    }
    return *at;
}

/// The keys of `defaults` that a guest's key inherits from, the nearest first.
std::vector<std::string> inherited_from(const std::vector<std::string>& parts) {
    const bool is_one_of_many = parts.front() == "clusters" && parts.size() > 2;
    const std::size_t begin = is_one_of_many ? 2 : 0;
    if (parts.size() < begin + 4 || parts[begin] != "guests") return {};
    const bool is_check = parts[begin + 2] == "checks";
    std::string key = "defaults." + (is_check ? "check" : parts[begin + 2]);
    for (std::size_t i = begin + (is_check ? 4 : 3); i < parts.size(); ++i) key += "." + parts[i];
    if (!is_one_of_many) return {key};
    return {"clusters." + parts[1] + "." + key, key};
}

}  // namespace

std::vector<std::string> passwords_among(const std::vector<std::string>& words) {
    constexpr std::array<std::string_view, 5> options{"-p", "--password", "--passwd", "--token", "--secret"};
    std::vector<std::string> found;
    for (std::size_t i = 0; i < words.size(); ++i)
        for (const std::string_view option : options) {
            const std::string with_value = std::string(option) + "=";
            if (words[i] == option && i + 1 < words.size()) found.push_back(words[i + 1]);
            if (words[i].starts_with(with_value)) found.push_back(words[i].substr(with_value.size()));
        }
    return found;
}

std::vector<std::string> parts_of_path(const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t dot = std::min(path.find('.', at), path.size());
        const std::string part = path.substr(at, dot - at);
        const std::size_t bracket = part.ends_with(']') ? part.rfind('[') : std::string::npos;
        parts.push_back(part.substr(0, bracket));
        if (bracket != std::string::npos) parts.push_back(part.substr(bracket));
        at = dot + 1;
    }
    return parts;
}

json::object effective_config(const std::vector<source_text>& sources) {
    const std::vector<key_record> keys = keys_of(sources);
    std::map<std::string, const key_record*> given;
    for (const key_record& k : keys)
        // A section that is taken as a whole has told of its keys before their own readers do: theirs is the word.
        if (k.is_given) given[k.path] = &k;
    json::value tree = json::object();
    for (const key_record& k : keys) {
        const std::vector<std::string> parts = parts_of_path(k.path);
        const bool is_list = k.kind == key_kind::texts;
        const bool is_by_hand = k.kind == key_kind::anything;
        const key_record* holds = &k;
        if (is_list && !k.is_given) {
            for (const std::string& from : inherited_from(parts))
                if (const auto found = given.find(from); found != given.end() && !holds->is_given)
                    holds = found->second;
            if (!holds->is_given) continue;
        }
        // A section, or a key of another kind of check.
        if (is_by_hand && (!k.is_given || k.values.empty())) continue;
        place_in(tree, parts) = as_json(*holds, parts);
    }
    return std::move(tree.get_object());
}

}  // namespace steward::config
