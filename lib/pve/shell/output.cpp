#include "pve/shell/output.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <map>
#include <set>
#include <string_view>
#include <vector>

namespace steward::pve::shell {
namespace json = boost::json;

namespace {

using row = std::vector<std::string>;

/// 0.02 and 5.0e-05, which YAML 1.1 reads as numbers as well; Boost writes 2E-2.
std::string number(double v) {
    std::string text = fmt::format("{}", v);
    const std::size_t exponent = text.find('e');
    if (exponent != std::string::npos && text.find('.') == std::string::npos) text.insert(exponent, ".0");
    return text;
}

std::string plain_json(const json::value& v) { return v.is_double() ? number(v.get_double()) : json::serialize(v); }

std::string cell(const json::value& v, std::size_t widest) {
    std::string text;
    if (v.is_string())
        text = std::string(v.get_string());
    else if (!v.is_null())
        text = plain_json(v);
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (widest == 0 || text.size() <= widest) return text;
    std::size_t cut = widest - 1;
    // Not within a character of several bytes.
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
    return text.substr(0, cut) + "…";
}

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0U) != 0x80U; }));
}

/// What names a thing stands first, the rest by name.
std::vector<std::string> columns_of(const json::array& rows) {
    constexpr std::array first{"vmid", "id", "node", "storage", "name", "volid", "upid", "type", "status"};
    std::set<std::string> rest;
    for (const json::value& v : rows)
        if (v.is_object())
            for (const auto& [key, value] : v.get_object()) rest.emplace(key);
    std::vector<std::string> columns;
    for (const char* name : first)
        if (rest.erase(name) != 0) columns.emplace_back(name);
    columns.insert(columns.end(), rest.begin(), rest.end());
    return columns;
}

std::string aligned(const std::vector<row>& rows) {
    std::vector<std::size_t> widths;
    for (const row& r : rows)
        for (std::size_t i = 0; i < r.size(); ++i) {
            if (widths.size() <= i) widths.push_back(0);
            widths[i] = std::max(widths[i], width_of(r[i]));
        }
    std::string out;
    for (const row& r : rows) {
        std::string line;
        for (std::size_t i = 0; i < r.size(); ++i) {
            line += r[i];
            if (i + 1 < r.size()) line += std::string(widths[i] - width_of(r[i]) + 2, ' ');
        }
        while (line.ends_with(' ')) line.pop_back();
        out += line + "\n";
    }
    return out;
}

bool is_table(const json::value& v) {
    if (!v.is_array() || v.get_array().empty()) return false;
    const json::array& rows = v.get_array();
    return std::all_of(rows.begin(), rows.end(), [](const json::value& r) { return r.is_object(); });
}

std::map<std::string, const json::value*> sorted(const json::object& o) {
    std::map<std::string, const json::value*> out;
    for (const auto& [key, value] : o) out.emplace(key, &value);
    return out;
}

void write_json(const json::value& v, std::size_t depth, std::string& out) {
    const std::string inner((depth + 1) * 2, ' ');
    const std::string outer(depth * 2, ' ');
    if (v.is_object() && !v.get_object().empty()) {
        std::string_view separator = "{\n";
        for (const auto& [key, value] : sorted(v.get_object())) {
            out += fmt::format("{}{}{}: ", separator, inner, json::serialize(json::string(key)));
            write_json(*value, depth + 1, out);
            separator = ",\n";
        }
        out += "\n" + outer + "}";
    } else if (v.is_array() && !v.get_array().empty()) {
        std::string_view separator = "[\n";
        for (const json::value& value : v.get_array()) {
            out += fmt::format("{}{}", separator, inner);
            write_json(value, depth + 1, out);
            separator = ",\n";
        }
        out += "\n" + outer + "]";
    } else {
        out += plain_json(v);
    }
}

/// Letters, digits and a few signs, and nothing that YAML takes for truth, a number or nothing.
bool is_plain_in_yaml(std::string_view text) {
    if (text.empty() || text.front() == '-' || text.back() == ' ') return false;
    const bool is_safe = std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) || c == '_' || c == '-' || c == '/' || c == '.' || c == '@' || c == ' ' || c == '+';
    });
    const bool has_letter = std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c); });
    if (!is_safe || !has_letter || !std::isalpha(static_cast<unsigned char>(text.front()))) return false;
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::array words{"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"};
    return std::find(words.begin(), words.end(), lower) == words.end();
}

/// JSON's quoted form is YAML as well.
std::string yaml_scalar(const json::value& v) {
    if (v.is_string() && is_plain_in_yaml(v.get_string())) return std::string(v.get_string());
    return plain_json(v);
}

bool is_block(const json::value& v) {
    return (v.is_object() && !v.get_object().empty()) || (v.is_array() && !v.get_array().empty());
}

void write_yaml(const json::value& v, std::size_t depth, bool begins_on_line, std::string& out) {
    const std::string indent(depth * 2, ' ');
    bool on_line = begins_on_line;
    const auto begin = [&] {
        if (!on_line) out += indent;
        on_line = false;
    };
    if (v.is_object()) {
        for (const auto& [key, value] : sorted(v.get_object())) {
            begin();
            out += yaml_scalar(json::string(key)) + ":";
            if (!is_block(*value)) {
                out += " " + yaml_scalar(*value) + "\n";
                continue;
            }
            out += "\n";
            write_yaml(*value, depth + 1, false, out);
        }
        return;
    }
    for (const json::value& value : v.get_array()) {
        begin();
        out += "- ";
        if (is_block(value))
            write_yaml(value, depth + 1, true, out);
        else
            out += yaml_scalar(value) + "\n";
    }
}

}  // namespace

std::string as_table(const json::value& answer, std::size_t widest) {
    if (is_table(answer)) {
        const json::array& rows = answer.get_array();
        const std::vector<std::string> columns = columns_of(rows);
        std::vector<row> lines{columns};
        for (const json::value& v : rows) {
            row line;
            for (const std::string& name : columns) {
                const json::value* value = v.get_object().if_contains(name);
                line.push_back(value ? cell(*value, widest) : "");
            }
            lines.push_back(std::move(line));
        }
        return aligned(lines);
    }
    if (answer.is_object()) {
        std::vector<row> lines;
        for (const auto& [key, value] : sorted(answer.get_object())) lines.push_back({key, cell(*value, widest)});
        return aligned(lines);
    }
    if (answer.is_array()) {
        std::string out;
        for (const json::value& v : answer.get_array()) out += cell(v, widest) + "\n";
        return out;
    }
    return answer.is_null() ? std::string() : cell(answer, 0) + "\n";
}

std::string as_json(const json::value& answer) {
    std::string out;
    write_json(answer, 0, out);
    return out + "\n";
}

std::string as_yaml(const json::value& answer) {
    if (!is_block(answer)) return yaml_scalar(answer) + "\n";
    std::string out;
    write_yaml(answer, 0, false, out);
    return out;
}

}  // namespace steward::pve::shell
