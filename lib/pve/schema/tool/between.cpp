#include "pve/schema/tool/between.hpp"

#include "pve/schema/tool/dump_reader.hpp"
#include "pve/schema/tool/dump_values.hpp"

#include <algorithm>
#include <initializer_list>

namespace steward::pve::schema {

namespace {

using lives = std::map<std::string, versions, std::less<>>;
using values = std::vector<value>;

std::string label_of(const value& what) { return what.is_indexed ? what.name + "[n]" : what.name; }

bool has_same_shape(const value& a, const value& b) {
    return a.type == b.type && a.has_members == b.has_members && a.format == b.format && a.only_for == b.only_for &&
           a.type_property == b.type_property && a.members.empty() == b.members.empty() &&
           a.rest.empty() == b.rest.empty() && a.alias == b.alias && a.key_alias == b.key_alias;
}

void take_shape(const value& from, value& into) {
    into.type = from.type;
    into.format = from.format;
    into.members = from.members;
    into.has_members = from.has_members;
    into.rest = from.rest;
    into.is_open = from.is_open;
    into.type_property = from.type_property;
    into.only_for = from.only_for;
    into.alias = from.alias;
    into.key_alias = from.key_alias;
}

/// One method as it was at one release between two dumps.
class blender {
  public:
    blender(const evolution::history& known, version older, version newer, version at)
        : known_(known), older_(older), newer_(newer), at_(at) {}

    /// Either may be missing, not both.
    [[nodiscard]] bool is_there(const method* before, const method* after) const;
    [[nodiscard]] method blend(const method* before, const method* after) const;

  private:
    [[nodiscard]] std::vector<const evolution::change*> changes_of(std::string_view name, std::string_view what) const;
    /// When something undated changed: with what is dated of the same name, else with the newer dump.
    [[nodiscard]] version date_of(std::string_view name) const;
    [[nodiscard]] bool is_new(std::string_view name, std::initializer_list<std::string_view> whats) const;
    template <class T, class Read>
    [[nodiscard]] T pick(const T* before, const T& after, std::string_view name, std::string_view what,
                         Read read) const;
    [[nodiscard]] std::vector<std::string> pick_choices(const value* before, const value& after,
                                                        std::string_view name) const;
    void pick_attributes(const value* before, const value& after, std::string_view name, value& into) const;
    [[nodiscard]] value blend_value(const value* before, const value& after, const std::string& name,
                                    const lives& dated) const;
    [[nodiscard]] values blend_values(const values* before, const values* after, const std::string& prefix,
                                      const lives& dated) const;
    void add_undumped(values& into, const values* before, const values* after) const;

    const evolution::history& known_;
    version older_;
    version newer_;
    version at_;
};

bool blender::is_there(const method* before, const method* after) const {
    if (before && after) return true;
    if (known_.lives.empty()) return before != nullptr;
    return std::any_of(known_.lives.begin(), known_.lives.end(),
                       [this](const versions& life) { return life.contains(at_); });
}

std::vector<const evolution::change*> blender::changes_of(std::string_view name, std::string_view what) const {
    std::vector<const evolution::change*> found;
    for (const evolution::change& one : known_.changes)
        if (one.name == name && one.what == what && older_ < one.at && one.at <= newer_) found.push_back(&one);
    return found;
}

version blender::date_of(std::string_view name) const {
    version latest;
    for (const evolution::change& one : known_.changes)
        if (one.name == name && older_ < one.at && one.at <= newer_) latest = std::max(latest, one.at);
    if (latest.is_known()) return latest;
    for (const versions& life : known_.lives)  // a path spelled anew got a new description
        if (known_.lives.size() > 1 && older_ < life.since && life.since <= newer_) latest = life.since;
    return latest.is_known() ? latest : newer_;
}

bool blender::is_new(std::string_view name, std::initializer_list<std::string_view> whats) const {
    version latest;
    for (const std::string_view what : whats)
        for (const evolution::change* one : changes_of(name, what)) latest = std::max(latest, one->at);
    return at_ >= (latest.is_known() ? latest : date_of(name));
}

template <class T, class Read>
T blender::pick(const T* before, const T& after, std::string_view name, std::string_view what, Read read) const {
    const auto changes = changes_of(name, what);
    if (changes.empty()) return before && at_ < date_of(name) ? *before : after;
    if (at_ < changes.front()->at) return before ? *before : read(changes.front()->from);
    if (changes.back()->at <= at_) return after;
    const auto next =
        std::find_if(changes.begin(), changes.end(), [this](const evolution::change* one) { return at_ < one->at; });
    return read((*std::prev(next))->to);
}

std::vector<std::string> blender::pick_choices(const value* before, const value& after, std::string_view name) const {
    const auto changes = changes_of(name, "enum");
    if (changes.empty()) return before && at_ < date_of(name) ? before->choices : after.choices;
    if (before && at_ < changes.front()->at) return before->choices;
    std::vector<std::string> choices = after.choices;
    for (auto later = changes.rbegin(); later != changes.rend() && at_ < (*later)->at; ++later) {
        const auto& added = (*later)->added;
        std::erase_if(choices, [&added](const std::string& one) {
            return std::find(added.begin(), added.end(), one) != added.end();
        });
        choices.insert(choices.end(), (*later)->removed.begin(), (*later)->removed.end());
    }
    return choices;
}

void blender::pick_attributes(const value* before, const value& after, std::string_view name, value& into) const {
    const auto member = [before](auto value::*field) { return before ? &(before->*field) : nullptr; };
    const auto text = [](const boost::json::value& json) { return text_in(json).value_or(""); };
    const auto texts = [&text](const boost::json::value& json) {
        std::string one = text(json);
        return one.empty() ? std::vector<std::string>() : std::vector<std::string>(1, std::move(one));
    };
    const auto flag = [](const boost::json::value& json) { return is_true(&json); };
    into.minimum = pick(member(&value::minimum), after.minimum, name, "minimum", number_in);
    into.maximum = pick(member(&value::maximum), after.maximum, name, "maximum", number_in);
    into.min_length = pick(member(&value::min_length), after.min_length, name, "minLength", size_in);
    into.max_length = pick(member(&value::max_length), after.max_length, name, "maxLength", size_in);
    into.default_text = pick(member(&value::default_text), after.default_text, name, "default", text_in);
    into.pattern = pick(member(&value::pattern), after.pattern, name, "pattern", text);
    into.required_with = pick(member(&value::required_with), after.required_with, name, "requires", texts);
    into.is_optional = pick(member(&value::is_optional), after.is_optional, name, "optional", flag);
    into.choices = pick_choices(before, after, name);
}

value blender::blend_value(const value* before, const value& after, const std::string& name, const lives& dated) const {
    value blended = after;
    pick_attributes(before, after, name, blended);
    if (before && !has_same_shape(*before, after)) {
        if (!is_new(name, {"type", "format", "items", "oneOf", "type-property", "returns.type"})) {
            take_shape(*before, blended);
            return blended;
        }
        before = nullptr;  // what is inside is all new, and may have come later still
    }
    // Evolution.json does not name elements: fields of an array's objects are named as if they were the array's.
    const auto first = [](const values& of) { return of.empty() ? nullptr : &of.front(); };
    if (after.type == value_type::array) {
        if (const value* element = first(after.members))
            blended.members = {blend_value(before ? first(before->members) : nullptr, *element, name, dated)};
        return blended;
    }
    const std::string prefix = name.empty() ? "" : name + (after.is_property_string() ? "~" : ".");
    blended.members = blend_values(before ? &before->members : nullptr, &after.members, prefix, dated);
    if (const value* any = first(after.rest))
        blended.rest = {blend_value(before ? first(before->rest) : nullptr, *any, prefix + "*", dated)};
    return blended;
}

/// A missing list: the parent was not there, and what is not dated came and went with it.
values blender::blend_values(const values* before, const values* after, const std::string& prefix,
                             const lives& dated) const {
    std::map<std::string, std::pair<values, values>> named;
    for (const value& one : before ? *before : values()) named[label_of(one)].first.push_back(one);
    for (const value& one : after ? *after : values()) named[label_of(one)].second.push_back(one);
    values blended;
    for (const auto& [label, pair] : named) {
        const auto& [old_ones, new_ones] = pair;
        const std::string name = prefix + label;
        const auto life = dated.find(name);
        const bool is_dated = life != dated.end();
        if (old_ones.empty()) {
            if (is_dated && life->second.since.is_known() ? life->second.contains(at_) : !before)
                for (const value& one : new_ones) blended.push_back(blend_value(nullptr, one, name, dated));
        } else if (new_ones.empty()) {
            if (!is_dated || life->second.contains(at_))
                blended.insert(blended.end(), old_ones.begin(), old_ones.end());
        } else if (old_ones.size() == 1 && new_ones.size() == 1) {
            blended.push_back(blend_value(&old_ones.front(), new_ones.front(), name, dated));
        } else {
            const values& then = is_new(name, {"oneOf", "type-property"}) ? new_ones : old_ones;
            blended.insert(blended.end(), then.begin(), then.end());
        }
    }
    return blended;
}

/// What came and went between two dumps: that it is there is all we know.
void blender::add_undumped(values& into, const values* before, const values* after) const {
    const auto is_among = [](const values* list, const std::string& name) {
        return list && std::any_of(list->begin(), list->end(), [&name](const value& v) { return label_of(v) == name; });
    };
    for (const auto& [name, life] : known_.parameters) {
        const bool is_inside = older_ < life.since && life.until.is_known() && life.until < newer_;
        if (!is_inside || !life.contains(at_) || name.find_first_of("~.") != std::string::npos) continue;
        if (is_among(before, name) || is_among(after, name)) continue;
        value& added = into.emplace_back();
        added.name = name;
        added.type = value_type::string;  // as it is on the wire
        added.is_optional = true;
    }
}

method blender::blend(const method* before, const method* after) const {
    method blended = after ? *after : *before;
    if (before && after && !is_new("", {"permissions"})) blended.permissions = before->permissions;
    blended.parameters = blend_values(before ? &before->parameters : nullptr, after ? &after->parameters : nullptr, "",
                                      known_.parameters);
    add_undumped(blended.parameters, before ? &before->parameters : nullptr, after ? &after->parameters : nullptr);
    sort_parameters(blended);
    // A result has no name; whether there is one at all is dated by its type.
    if (before && after && before->returns.size() == 1 && after->returns.size() == 1)
        blended.returns = {blend_value(&before->returns.front(), after->returns.front(), "", known_.results)};
    else if (before && after)
        blended.returns = is_new("", {"returns.type"}) ? after->returns : before->returns;
    else if (after && after->returns.size() == 1)
        blended.returns = {blend_value(nullptr, after->returns.front(), "", known_.results)};
    return blended;
}

}  // namespace

std::vector<release> releases_between(const release& older, const release& newer, const evolution& known) {
    std::map<std::string, std::pair<const method*, const method*>> named;
    for (const method& one : older.methods) named[url_shape(one.path) + " " + one.verb].first = &one;
    for (const method& one : newer.methods) named[url_shape(one.path) + " " + one.verb].second = &one;
    std::vector<release> between;
    for (const version at : known.releases()) {
        if (at <= older.number || newer.number <= at) continue;
        release& made = between.emplace_back();
        made.number = at;
        for (const auto& [key, pair] : named) {
            const auto& [before, after] = pair;
            const blender blend(known.of(after ? *after : *before), older.number, newer.number, at);
            if (blend.is_there(before, after)) made.methods.push_back(blend.blend(before, after));
        }
    }
    return between;
}

}  // namespace steward::pve::schema
