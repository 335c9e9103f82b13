#include "pve/schema/tool/merge.hpp"

#include "pve/schema/tool/dump_reader.hpp"
#include "pve/schema/tool/dump_values.hpp"

#include <algorithm>

namespace steward::pve::schema {

namespace {

using values = std::vector<value>;

/// Ranges of neighbours have to touch, or releases without a dump would fall between them.
version release_before(version number, version last) {
    if (number.minor > 0) return std::max(last, version(number.major, number.minor - 1));
    if (number.major == 8 || number.major == 9) return std::max(last, version(number.major - 1, 4));
    return last;  // nobody knows yet how many 9.x there will be
}

bool is_same_set(std::vector<std::string> a, std::vector<std::string> b) {
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    return a == b;
}

bool is_same_limits(const value& a, const value& b) {
    return a.minimum == b.minimum && a.maximum == b.maximum && a.min_length == b.min_length &&
           a.max_length == b.max_length && a.pattern == b.pattern && a.format == b.format &&
           a.default_text == b.default_text && is_same_set(a.choices, b.choices) &&
           is_same_set(a.required_with, b.required_with);
}

/// Everything but the keys and fields, the unit and the renderer. An array's element is part of the array.
bool is_same_value(const value& a, const value& b) {
    const bool is_same_start = a.type == b.type && a.is_optional == b.is_optional && a.has_members == b.has_members &&
                               a.is_open == b.is_open && a.rest.size() == b.rest.size() && is_same_limits(a, b);
    const bool is_same_key = a.is_default_key == b.is_default_key && a.alias == b.alias && a.key_alias == b.key_alias &&
                             a.type_property == b.type_property && is_same_set(a.only_for, b.only_for);
    if (!is_same_start || !is_same_key) return false;
    if (!a.rest.empty() && !is_same_value(a.rest.front(), b.rest.front())) return false;
    if (a.type != value_type::array || a.members.empty()) return true;
    return is_same_value(a.members.front(), b.members.front());
}

void add_values(values& facts, const values& now, version number, version until);

void add_to_value(value& fact, const value& now, version number, version until) {
    fact.choices = now.choices;
    fact.only_for = now.only_for;
    fact.unit = now.unit;
    fact.renderer = now.renderer;
    fact.index_count = now.index_count;
    if (!fact.rest.empty()) add_to_value(fact.rest.front(), now.rest.front(), number, until);
    if (fact.type != value_type::array)
        add_values(fact.members, now.members, number, until);
    else if (!fact.members.empty())
        add_to_value(fact.members.front(), now.members.front(), number, until);
}

void add_values(values& facts, const values& now, version number, version until) {
    std::vector<bool> is_known(now.size(), false);
    for (value& fact : facts) {
        if (fact.when.until.is_known()) continue;
        std::size_t at = 0;
        while (at < now.size() && (is_known[at] || now[at].name != fact.name || now[at].is_indexed != fact.is_indexed ||
                                   !is_same_value(fact, now[at])))
            ++at;
        if (at == now.size()) {
            fact.when.until = until;
            continue;
        }
        is_known[at] = true;
        add_to_value(fact, now[at], number, until);
    }
    for (std::size_t at = 0; at < now.size(); ++at) {
        if (is_known[at]) continue;
        facts.push_back(now[at]);
        facts.back().when.since = number;
    }
    sort_values(facts);
}

void add_permissions(std::vector<permission>& facts, const std::vector<permission>& now, version number,
                     version until) {
    for (const permission& one : now) {
        const auto is_it = [&one](const permission& fact) {
            return !fact.when.until.is_known() && fact.rule == one.rule;
        };
        if (std::any_of(facts.begin(), facts.end(), is_it)) continue;
        for (permission& fact : facts)
            if (!fact.when.until.is_known()) fact.when.until = until;
        facts.push_back(one);
        facts.back().when.since = number;
    }
}

void rename_path_parameters(method& fact, const std::string& path) {
    const auto old_names = path_parameters(fact.path);
    const auto new_names = path_parameters(path);
    for (std::size_t at = 0; at < old_names.size() && at < new_names.size(); ++at)
        for (value& parameter : fact.parameters)
            if (parameter.name == old_names[at]) parameter.name = new_names[at];
    fact.path = path;
}

void add_to_method(method& fact, const method& now, version number, version until) {
    fact.when.until = {};  // one that comes back is one method: the gap is not worth a second
    fact.name = now.name;
    fact.is_protected = now.is_protected;
    fact.is_proxied = now.is_proxied;
    fact.allows_token = now.allows_token;
    fact.accepts_more = now.accepts_more;
    fact.is_download = now.is_download;
    if (fact.path != now.path) rename_path_parameters(fact, now.path);
    add_permissions(fact.permissions, now.permissions, number, until);
    add_values(fact.parameters, now.parameters, number, until);
    add_values(fact.returns, now.returns, number, until);
    sort_parameters(fact);
}

std::string key_of(const method& what) { return url_shape(what.path) + " " + what.verb; }

std::map<std::string, const method*> by_key(const std::vector<method>& methods) {
    std::map<std::string, const method*> named;
    for (const method& one : methods) named[key_of(one)] = &one;
    return named;
}

void keep_at(values& of, version at) {
    std::erase_if(of, [at](const value& one) { return !one.when.contains(at); });
    for (value& one : of) {
        one.when = {};
        keep_at(one.members, at);
        keep_at(one.rest, at);
    }
}

void find_newest(const versions& when, version& newest) { newest = std::max({newest, when.since, when.until}); }

void find_newest(const values& of, version& newest) {
    for (const value& one : of) {
        find_newest(one.when, newest);
        find_newest(one.members, newest);
        find_newest(one.rest, newest);
    }
}

}  // namespace

void add_release(std::vector<method>& facts, version last, const release& next) {
    const version until = release_before(next.number, last);
    auto now = by_key(next.methods);
    for (method& fact : facts) {
        const auto found = now.find(key_of(fact));
        if (found == now.end()) {
            if (!fact.when.until.is_known()) fact.when.until = until;
            continue;
        }
        add_to_method(fact, *found->second, next.number, until);
        now.erase(found);
    }
    for (const auto& [key, added] : now) {
        facts.push_back(*added);
        facts.back().when.since = next.number;
    }
}

std::vector<method> merge_releases(std::vector<release> dumps, const evolution& known) {
    std::sort(dumps.begin(), dumps.end(), [](const release& a, const release& b) { return a.number < b.number; });
    for (std::size_t newer = dumps.size(); newer-- > 1;) {
        const auto named = by_key(dumps[newer].methods);
        for (method& one : dumps[newer - 1].methods)
            if (const auto found = named.find(key_of(one)); found != named.end() && found->second->path != one.path)
                rename_path_parameters(one, found->second->path);
    }
    std::vector<method> facts;
    for (std::size_t at = 0; at < dumps.size(); ++at) {
        if (at == 0) {
            facts = dumps[at].methods;
            continue;
        }
        version last = dumps[at - 1].number;
        for (const release& undumped : releases_between(dumps[at - 1], dumps[at], known)) {
            add_release(facts, last, undumped);
            last = undumped.number;
        }
        add_release(facts, last, dumps[at]);
    }
    return facts;
}

std::vector<method> facts_at(const std::vector<method>& facts, version at) {
    if (!at.is_known()) return facts;
    std::vector<method> kept;
    for (const method& fact : facts) {
        if (!fact.when.contains(at)) continue;
        method& one = kept.emplace_back(fact);
        one.when = {};
        std::erase_if(one.permissions, [at](const permission& p) { return !p.when.contains(at); });
        for (permission& p : one.permissions) p.when = {};
        keep_at(one.parameters, at);
        keep_at(one.returns, at);
    }
    return kept;
}

version newest_in(const std::vector<method>& facts) {
    version newest;
    for (const method& fact : facts) {
        find_newest(fact.when, newest);
        for (const permission& p : fact.permissions) find_newest(p.when, newest);
        find_newest(fact.parameters, newest);
        find_newest(fact.returns, newest);
    }
    return newest;
}

}  // namespace steward::pve::schema
