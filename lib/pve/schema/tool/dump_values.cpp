#include "pve/schema/tool/dump_values.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <tuple>

namespace steward::pve::schema {

namespace json = boost::json;

namespace {

constexpr std::size_t longest_default = 60;  // longer ones are sentences: "max(30, vm memory in GiB)" is not

/// Upper indices are only in PVE's Perl sources; the dumps say "net[n]" (sdk.md §2.4).
constexpr std::pair<std::string_view, unsigned> index_counts[] = {
    {"net", 32},     {"mp", 256}, {"unused", 256},   {"dev", 256},     {"scsi", 31},     {"virtio", 16},
    {"sata", 6},     {"ide", 4},  {"hostpci", 16},   {"usb", 14},      {"numa", 8},      {"serial", 4},
    {"parallel", 3}, {"link", 8}, {"acmedomain", 6}, {"ipconfig", 32}, {"virtiofs", 10},
};

unsigned index_count_of(std::string_view stem) {
    for (const auto& [name, count] : index_counts)
        if (name == stem) return count;
    return 0;
}

const json::value* find(const json::object& schema, std::string_view key) { return schema.if_contains(key); }

const json::object* find_object(const json::object& schema, std::string_view key) {
    const json::value* found = find(schema, key);
    return found ? found->if_object() : nullptr;
}

std::string find_text(const json::object& schema, std::string_view key) {
    const json::value* found = find(schema, key);
    return found ? text_in(*found).value_or("") : "";
}

std::vector<std::string> find_texts(const json::object& schema, std::string_view key) {
    std::vector<std::string> texts;
    const json::value* found = find(schema, key);
    if (!found) return texts;
    if (const json::array* list = found->if_array()) {
        for (const json::value& one : *list)
            if (auto text = text_in(one)) texts.push_back(std::move(*text));
    } else if (auto text = text_in(*found)) {
        texts.push_back(std::move(*text));
    }
    return texts;
}

value_type read_type(const json::object& schema) {
    const std::string word = find_text(schema, "type");
    for (const value_type type : {value_type::string, value_type::integer, value_type::number, value_type::boolean,
                                  value_type::array, value_type::object, value_type::null})
        if (word == name_of(type)) return type;
    // Consoles' results have fields and no type, an alternative of 9.2's fabrics has items and no type.
    if (find_object(schema, "properties")) return value_type::object;
    if (find_object(schema, "items")) return value_type::array;
    if (find_object(schema, "format")) return value_type::string;
    return value_type::any;
}

void read_limits(const json::object& schema, value& into) {
    const auto number = [&schema](const char* key, const char* misspelt) -> std::optional<double> {
        // `next-id` of /cluster/options says min and max.
        const json::value* found = find(schema, key) ? find(schema, key) : find(schema, misspelt);
        return found ? number_in(*found) : std::nullopt;
    };
    into.minimum = number("minimum", "min");
    into.maximum = number("maximum", "max");
    if (const json::value* length = find(schema, "minLength")) into.min_length = size_in(*length);
    if (const json::value* length = find(schema, "maxLength")) into.max_length = size_in(*length);
    into.pattern = find_text(schema, "pattern");
    into.choices = find_texts(schema, "enum");
    into.required_with = find_texts(schema, "requires");
    if (const json::value* preset = find(schema, "default"))
        if (auto text = text_in(*preset); text && text->size() <= longest_default) into.default_text = std::move(text);
}

value single(std::string_view name, const json::object& schema) {
    // Only properties have alternatives: the element of an array is one value in all dumps.
    std::vector<value> values = read_values(name, schema);
    return std::move(values.front());
}

/// Fields of an object. "{id}" among them is how dumps before 9.2 wrote "any other field".
void read_fields(const json::object& schema, value& into) {
    if (const json::object* properties = find_object(schema, "properties")) {
        json::object named;
        for (const auto& [key, property] : *properties) {
            const std::string_view name(key.data(), key.size());
            if (name.starts_with('{') && property.if_object())
                into.rest = {single("", property.get_object())};
            else
                named[key] = property;
        }
        into.members = read_properties(named);
        into.has_members = !into.members.empty();
    }
    const json::value* more = find(schema, "additionalProperties");
    if (more && more->if_object()) into.rest = {single("", more->get_object())};
    // PVE takes a missing additionalProperties for "anything goes"; so {} without it describes nothing.
    const bool is_closed = more && !more->if_object() && !is_true(more);
    if (is_closed && find_object(schema, "properties") && into.rest.empty()) into.has_members = true;
    into.is_open = !into.rest.empty() || (into.has_members && !is_closed);
}

void read_element(const json::object& schema, value& into) {
    if (const json::object* items = find_object(schema, "items")) {
        into.members = {single("", *items)};
    } else if (const json::object* properties = find_object(schema, "properties"); properties && !properties->empty()) {
        // /cluster/ceph/metadata describes the elements of `osd` as its only property.
        const json::value& only = properties->begin()->value();
        if (only.if_object()) into.members = {single("", only.get_object())};
    }
    into.has_members = !into.members.empty();
}

void read_structure(const json::object& schema, value& into) {
    if (into.type == value_type::array) return read_element(schema, into);
    if (into.type == value_type::object) {
        const json::object* items = find_object(schema, "items");
        // GET /nodes/{node}/ceph/osd says "object" and describes it as if it were an array's element.
        return read_fields(items && !find_object(schema, "properties") ? *items : schema, into);
    }
    if (const json::object* keys = find_object(schema, "format")) {
        into.members = read_properties(*keys);
        into.has_members = true;
    } else {
        into.format = find_text(schema, "format");
    }
}

value read_one(const json::object& schema) {
    value read;
    read.type = read_type(schema);
    read.is_optional = is_true(find(schema, "optional"));
    read_limits(schema, read);
    read_structure(schema, read);
    read.is_default_key = is_true(find(schema, "default_key"));
    read.alias = find_text(schema, "alias");
    read.key_alias = find_text(schema, "keyAlias");
    read.unit = find_text(schema, "format_description");
    read.renderer = find_text(schema, "renderer");
    read.type_property = find_text(schema, "type-property");
    read.only_for = find_texts(schema, "instance-types");
    return read;
}

}  // namespace

std::optional<double> number_in(const json::value& json) {
    if (json.is_int64()) return static_cast<double>(json.get_int64());
    if (json.is_uint64()) return static_cast<double>(json.get_uint64());
    if (json.is_double()) return json.get_double();
    if (!json.is_string()) return std::nullopt;
    const json::string& text = json.get_string();
    double number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<std::size_t> size_in(const json::value& json) {
    const auto number = number_in(json);
    if (!number || *number < 0) return std::nullopt;
    return static_cast<std::size_t>(*number);
}

std::optional<std::string> text_in(const json::value& json) {
    if (json.is_string()) return std::string(json.get_string());
    if (json.is_bool()) return json.get_bool() ? "1" : "0";
    if (json.is_int64()) return std::to_string(json.get_int64());
    if (json.is_uint64()) return std::to_string(json.get_uint64());
    if (json.is_double()) return fmt::format("{}", json.get_double());
    return std::nullopt;
}

bool is_true(const json::value* json) {
    const auto text = json ? text_in(*json) : std::nullopt;
    return text && *text == "1";
}

std::vector<value> read_values(std::string_view name, const json::object& schema) {
    std::vector<value> values;
    const json::value* alternatives = find(schema, "oneOf");
    if (alternatives && alternatives->if_array()) {
        for (const json::value& alternative : alternatives->get_array()) {
            if (!alternative.if_object()) continue;
            value one = read_one(alternative.get_object());
            // What stands beside oneOf is not about presence: only an alternative says "optional" (sdk.md §2.10).
            one.type_property = find_text(schema, "type-property");
            if (one.type == value_type::any) one.type = read_type(schema);
            values.push_back(std::move(one));
        }
    }
    if (values.empty()) values.push_back(read_one(schema));
    const bool is_indexed = name.ends_with("[n]");
    if (is_indexed) name.remove_suffix(3);
    for (value& one : values) {
        one.name = name;
        one.is_indexed = is_indexed;
        if (is_indexed) one.index_count = index_count_of(name);
    }
    return values;
}

std::vector<value> read_properties(const json::object& properties) {
    std::vector<value> all;
    for (const auto& [key, property] : properties) {
        if (!property.if_object()) continue;
        for (value& one : read_values(std::string_view(key.data(), key.size()), property.get_object()))
            all.push_back(std::move(one));
    }
    sort_values(all);
    return all;
}

void sort_values(std::vector<value>& values) {
    std::stable_sort(values.begin(), values.end(), [](const value& a, const value& b) {
        const bool a_is_later = !a.is_default_key;  // the bare value stands first on the wire
        const bool b_is_later = !b.is_default_key;
        return std::tie(a_is_later, a.name, a.is_indexed) < std::tie(b_is_later, b.name, b.is_indexed);
    });
}

}  // namespace steward::pve::schema
