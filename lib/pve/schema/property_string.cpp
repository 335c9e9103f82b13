#include "pve/schema/property_string.hpp"

#include "pve/schema/named_formats.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <optional>

namespace steward::pve::schema {

namespace {

constexpr std::string_view duplicate_key = "duplicate key in comma-separated list property: {}";

std::optional<bool> boolean_word(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    for (const std::string_view yes : {"1", "on", "yes", "true"})
        if (lower == yes) return true;
    for (const std::string_view no : {"0", "off", "no", "false"})
        if (lower == no) return false;
    return std::nullopt;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos; }

/// Reads one property string part by part.
class splitter {
  public:
    splitter(const std::vector<value>& keys, version connected) : keys_(keys), version_(connected) {}

    /// False when a part is wrong; the reason is in why().
    bool add(std::string_view part);
    [[nodiscard]] const std::string& why() const { return why_; }
    properties take() { return std::move(pairs_); }

  private:
    bool fail(std::string why) {
        why_ = std::move(why);
        return false;
    }
    bool add_bare(std::string_view text);
    bool add_pair(std::string key, std::string_view text);
    [[nodiscard]] const value* find(std::string_view key) const {
        const auto found = find_values(keys_, key, version_);
        return found.empty() ? nullptr : found.back();
    }
    [[nodiscard]] bool has(std::string_view key) const {
        return std::any_of(pairs_.begin(), pairs_.end(), [&](const auto& p) { return p.first == key; });
    }

    const std::vector<value>& keys_;
    version version_;
    bool has_bare_ = false;
    properties pairs_;
    std::string why_;
};

bool splitter::add(std::string_view part) {
    if (is_blank(part)) return true;
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) return add_bare(part);
    if (equals == 0 || equals + 1 == part.size()) return fail("missing key in comma-separated list property");
    return add_pair(std::string(part.substr(0, equals)), part.substr(equals + 1));
}

bool splitter::add_bare(std::string_view text) {
    const auto key = std::find_if(keys_.begin(), keys_.end(),
                                  [this](const value& v) { return v.is_default_key && v.when.contains(version_); });
    if (key == keys_.end()) return fail("value without key, but schema does not define a default key");
    if (has_bare_ || has(key->name)) return fail(fmt::format(fmt::runtime(duplicate_key), key->name));
    has_bare_ = true;
    return add_pair(key->name, text);
}

bool splitter::add_pair(std::string key, std::string_view text) {
    if (has(key)) return fail(fmt::format(fmt::runtime(duplicate_key), key));
    const value* facts = find(key);
    if (facts && !facts->alias.empty()) {
        if (!facts->key_alias.empty()) {
            if (has(facts->key_alias)) return fail(fmt::format("key alias '{}' is already defined", facts->key_alias));
            pairs_.emplace_back(facts->key_alias, key);
        }
        key = facts->alias;
        facts = find(key);
        if (has(key)) return fail(fmt::format(fmt::runtime(duplicate_key), key));
    }
    if (!facts) return fail(fmt::format("invalid key in comma-separated list property: {}", key));
    const auto yes = facts->type == value_type::boolean ? boolean_word(text) : std::nullopt;
    pairs_.emplace_back(std::move(key), yes ? std::string(*yes ? "1" : "0") : std::string(text));
    return true;
}

void append(std::string& to, const value* facts, const std::pair<std::string, std::string>& pair) {
    const auto yes = facts && facts->type == value_type::boolean ? boolean_word(pair.second) : std::nullopt;
    const std::string text = yes ? std::string(*yes ? "1" : "0") : pair.second;
    // A bare value with an equals sign would be read as a key, a blank one as nothing.
    const bool is_bare =
        to.empty() && facts && facts->is_default_key && !is_blank(text) && text.find('=') == std::string::npos;
    if (!to.empty()) to += ',';
    to += is_bare ? text : pair.first + '=' + text;
}

}  // namespace

result<properties> split_property_string(const value& facts, version connected, std::string_view text) {
    const std::vector<value>* keys = property_keys(facts);
    if (!keys) return fault(errc::invalid, facts.name, "not a property string");
    splitter parts(*keys, connected);
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        if (!parts.add(text.substr(0, end))) return fault(errc::invalid, facts.name, parts.why());
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts.take();
}

std::string join_property_string(const value& facts, const properties& pairs) {
    static const std::vector<value> no_keys;
    const std::vector<value>* declared = property_keys(facts);
    const std::vector<value>& keys = declared ? *declared : no_keys;
    std::string text;
    std::vector<bool> is_printed(pairs.size());
    const auto print = [&](const value* key, auto&& wanted) {
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            if (is_printed[i] || !wanted(pairs[i].first)) continue;
            append(text, key, pairs[i]);
            is_printed[i] = true;
        }
    };
    for (const bool is_default : {true, false})
        for (const value& key : keys)
            if (key.is_default_key == is_default)
                print(&key, [&](const std::string& name) { return name == key.name; });
    print(nullptr, [](const std::string&) { return true; });
    return text;
}

}  // namespace steward::pve::schema
