#include "pve/schema/check.hpp"

#include "pve/schema/formats.hpp"
#include "pve/schema/named_formats.hpp"
#include "pve/schema/pattern.hpp"
#include "pve/schema/property_string.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <map>

namespace steward::pve::schema {

namespace {

using rule = violation::rule;
/// The texts given for each name; more than one is an array.
using given_values = std::map<std::string, std::vector<std::string_view>, std::less<>>;

constexpr std::string_view not_defined =
    "property is not defined in schema and the schema does not allow additional properties";
constexpr std::string_view not_optional = "property is missing and it is not optional";

bool has_digits(std::string_view text, std::size_t from) {
    return from < text.size() && text.find_first_not_of("0123456789", from) == std::string_view::npos;
}

/// Also refuses what 64 bits cannot hold: PVE would count on with a rounded one.
bool is_integer(std::string_view text) {
    const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    if (!has_digits(text, sign)) return false;
    std::int64_t number = 0;
    const std::size_t first = text.starts_with('+') ? 1 : 0;
    return std::from_chars(text.data() + first, text.data() + text.size(), number).ec == std::errc();
}

std::optional<double> number_in(std::string_view text) {
    if (!matches(R"([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)", text)) return std::nullopt;
    if (text.front() == '+') text.remove_prefix(1);
    double number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec == std::errc()) return number;
    return std::nullopt;  // beyond what a double holds
}

std::string shown(double bound) {
    if (std::abs(bound) >= 9e15 || bound != std::floor(bound)) return fmt::format("{}", bound);
    return std::to_string(static_cast<std::int64_t>(bound));
}

std::size_t count_characters(std::string_view utf8) {
    return static_cast<std::size_t>(
        std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool is_list(const value& facts) { return facts.type == value_type::string && facts.format.ends_with("list"); }

/// Of the alternatives of one name those that count: without a known version the newest.
std::vector<const value*> alternatives(const std::vector<value>& of, std::string_view name, version connected,
                                       unsigned* index) {
    auto found = find_values(of, name, connected, index);
    if (connected.is_known() || found.empty()) return found;
    const bool is_current = std::any_of(found.begin(), found.end(), [](auto* v) { return !v->when.until.is_known(); });
    version last;
    if (!is_current)
        for (const value* v : found) last = std::max(last, v->when.until);
    std::erase_if(found, [&](const value* v) { return v->when.until != last; });
    return found;
}

/// Checks one level: the parameters of a call, or the keys of a property string.
class checker {
  public:
    explicit checker(version connected) : version_(connected) {}

    void check_level(const std::vector<value>& facts, const given_values& given, const std::string& prefix);
    void check_one(const value& facts, const std::string& name, const std::vector<std::string_view>& texts);
    void check_text(const value& facts, const std::string& name, std::string_view text);

    /// Names that are allowed although nothing is declared for them.
    std::vector<std::string> undeclared;
    bool accepts_more = false;

    std::vector<violation> take();

  private:
    void add(const std::string& name, rule broken, std::string text);
    void check_given(const std::vector<value>& facts, const given_values& given, const std::string& key,
                     const std::string& prefix);
    void check_required(const std::vector<value>& facts, const given_values& given, const std::string& prefix);
    bool check_type(const value& facts, const std::string& name, std::string_view text);
    void check_array(const value& facts, const std::string& name, const std::vector<std::string_view>& texts);
    bool check_format(const value& facts, const std::string& name, std::string_view text);
    bool check_keys(const value& facts, const std::string& name, std::string_view text);
    bool check_bounds(const value& facts, const std::string& name, std::string_view text);

    version version_;
    std::vector<violation> found_;
};

void checker::add(const std::string& name, rule broken, std::string text) {
    violation v;
    v.parameter = name;
    v.broken = broken;
    v.text = std::move(text);
    found_.push_back(std::move(v));
}

std::vector<violation> checker::take() {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const violation& a, const violation& b) { return a.parameter < b.parameter; });
    return std::move(found_);
}

/// Whether the parameter that decides (`protocol` of an SDN fabric) allows this alternative.
bool is_chosen(const value& facts, const given_values& given) {
    if (facts.only_for.empty()) return true;
    const auto by = given.find(facts.type_property);
    if (by == given.end() || by->second.empty()) return false;
    return std::find(facts.only_for.begin(), facts.only_for.end(), by->second.front()) != facts.only_for.end();
}

void checker::check_level(const std::vector<value>& facts, const given_values& given, const std::string& prefix) {
    for (const auto& [key, texts] : given) check_given(facts, given, key, prefix);
    check_required(facts, given, prefix);
}

void checker::check_given(const std::vector<value>& facts, const given_values& given, const std::string& key,
                          const std::string& prefix) {
    unsigned index = 0;
    const auto all = alternatives(facts, key, version_, &index);
    const auto chosen = std::find_if(all.begin(), all.end(), [&](const value* v) { return is_chosen(*v, given); });
    const std::string name = prefix + key;
    if (chosen == all.end()) {
        if (accepts_more || std::find(undeclared.begin(), undeclared.end(), key) != undeclared.end()) return;
        const bool is_of_another = all.empty() && !find_values(facts, key, {}).empty();
        return add(name, is_of_another ? rule::version : rule::unknown, std::string(not_defined));
    }
    const value& v = **chosen;
    if (v.is_indexed && v.index_count != 0 && index >= v.index_count)
        return add(name, rule::index, std::string(not_defined));
    for (const std::string& other : v.required_with)
        if (given.count(other) == 0)
            add(prefix + other, rule::requires_other,
                fmt::format("missing property - '{}' requires this property", name));
    check_one(v, name, given.find(key)->second);
}

void checker::check_required(const std::vector<value>& facts, const given_values& given, const std::string& prefix) {
    for (const value& v : facts) {
        if (v.is_optional || v.is_indexed || !v.alias.empty() || given.count(v.name) != 0) continue;
        const bool is_there = version_.is_known() ? v.when.contains(version_) : !v.when.until.is_known();
        if (is_there && is_chosen(v, given)) add(prefix + v.name, rule::missing, std::string(not_optional));
    }
}

void checker::check_one(const value& facts, const std::string& name, const std::vector<std::string_view>& texts) {
    if (facts.type == value_type::array) return check_array(facts, name, texts);
    if (texts.size() == 1) return check_text(facts, name, texts.front());
    if (!is_list(facts)) {
        const char* tail = facts.type == value_type::object ? "" : " - got ARRAY";
        if (facts.type != value_type::any)
            add(name, rule::type, fmt::format("type check ('{}') failed{}", name_of(facts.type), tail));
        return;
    }
    // Up to 9.x the server joins an array that is given for a list (sdk.md §2.3).
    std::string joined;
    for (const std::string_view text : texts) joined += (joined.empty() ? "" : ",") + std::string(text);
    check_text(facts, name, joined);
}

void checker::check_array(const value& facts, const std::string& name, const std::vector<std::string_view>& texts) {
    const auto element = alternatives(facts.members, "", version_, nullptr);
    if (element.empty()) return;
    for (std::size_t i = 0; i < texts.size(); ++i)
        check_text(*element.front(), fmt::format("{}[{}]", name, i), texts[i]);
}

/// The first rule that is broken is told, in the order in which PVE looks.
void checker::check_text(const value& facts, const std::string& name, std::string_view text) {
    if (!check_type(facts, name, text) || !check_format(facts, name, text)) return;
    if (!facts.pattern.empty() && !matches(facts.pattern, text))
        return add(name, rule::pattern, "value does not match the regex pattern");
    const std::size_t length = count_characters(text);
    if (facts.max_length && length > *facts.max_length)
        return add(name, rule::length, fmt::format("value may only be {} characters long", *facts.max_length));
    if (facts.min_length && length < *facts.min_length)
        return add(name, rule::length, fmt::format("value must be at least {} characters long", *facts.min_length));
    if (!check_bounds(facts, name, text) || facts.choices.empty()) return;
    if (std::find(facts.choices.begin(), facts.choices.end(), text) == facts.choices.end())
        add(name, rule::choice,
            fmt::format("value '{}' does not have a value in the enumeration '{}'", text,
                        fmt::join(facts.choices, ", ")));
}

bool checker::check_type(const value& facts, const std::string& name, std::string_view text) {
    std::string tail;
    switch (facts.type) {
        case value_type::string:
        case value_type::any: return true;
        case value_type::boolean:
            if (text == "0" || text == "1") return true;
            break;
        case value_type::integer:
            if (is_integer(text)) return true;
            break;
        case value_type::number:
            if (number_in(text)) return true;
            break;
        case value_type::null: tail = " - value is not null"; break;
        case value_type::array:
        case value_type::object: break;
    }
    const bool is_scalar =
        facts.type == value_type::boolean || facts.type == value_type::integer || facts.type == value_type::number;
    if (is_scalar) tail = fmt::format(" - got '{}'", text);
    add(name, rule::type, fmt::format("type check ('{}') failed{}", name_of(facts.type), tail));
    return false;
}

bool checker::check_format(const value& facts, const std::string& name, std::string_view text) {
    if (property_keys(facts)) return check_keys(facts, name, text);
    if (facts.format.empty()) return true;
    const std::string why = format_problem(facts.format, text);
    if (!why.empty()) add(name, rule::format, fmt::format("invalid format - {}\n", why));
    return why.empty();
}

/// Everything that is wrong inside a property string is one message of the parameter.
bool checker::check_keys(const value& facts, const std::string& name, std::string_view text) {
    if (text.size() > longest_matched) {
        add(name, rule::format, "invalid format - value is too long\n");
        return false;
    }
    const auto pairs = split_property_string(facts, version_, text);
    if (!pairs) {
        add(name, rule::format, fmt::format("invalid format - {}\n", pairs.error().detail));
        return false;
    }
    given_values given;
    for (const auto& [key, part] : *pairs) given[key].push_back(part);
    checker inside(version_);
    inside.accepts_more = facts.is_open;
    inside.check_level(*property_keys(facts), given, name + ".");
    const auto problems = inside.take();
    if (problems.empty()) return true;
    std::string all = "invalid format - format error\n";
    for (const violation& problem : problems) all += fmt::format("{}: {}\n", problem.parameter, problem.text);
    add(name, problems.front().broken, std::move(all));
    return false;
}

bool checker::check_bounds(const value& facts, const std::string& name, std::string_view text) {
    if (!facts.minimum && !facts.maximum) return true;
    const auto number = number_in(text);
    if (!number) return true;
    if (facts.maximum && *number > *facts.maximum) {
        add(name, rule::range, fmt::format("value must have a maximum value of {}", shown(*facts.maximum)));
        return false;
    }
    if (facts.minimum && *number < *facts.minimum) {
        add(name, rule::range, fmt::format("value must have a minimum value of {}", shown(*facts.minimum)));
        return false;
    }
    return true;
}

}  // namespace

std::vector<violation> check(const method& what, version connected, const parameters& given) {
    given_values by_name;
    for (const auto& [name, text] : given) by_name[name].push_back(text);
    checker all(connected);
    all.accepts_more = what.accepts_more;
    all.undeclared = path_parameters(what.path);  // /cluster/sdn/prefix-lists/…/{url_seq} is not declared
    all.check_level(what.parameters, by_name, "");
    return all.take();
}

std::vector<violation> check_value(const value& facts, version connected, std::string_view name,
                                   std::string_view text) {
    checker one(connected);
    one.check_one(facts, std::string(name), {text});
    return one.take();
}

}  // namespace steward::pve::schema
