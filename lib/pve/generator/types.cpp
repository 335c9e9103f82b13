#include "pve/generator/types.hpp"

#include "pve/generator/names.hpp"
#include "pve/generator/remark.hpp"
#include "pve/schema/named_formats.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::pve::generator {

namespace {

using schema::value;
using schema::value_type;
using alternatives = std::vector<const value*>;

/// Lists of hundreds of values are disk keys and vendors' names: texts that the checker knows, no enumerations.
constexpr std::size_t most_choices = 100;

/// Groups neighbours (and namesakes) in the order of their first appearance.
std::vector<alternatives> grouped(const std::vector<value>& values) {
    std::vector<alternatives> groups;
    for (const value& v : values) {
        const auto same = std::find_if(groups.begin(), groups.end(), [&](const alternatives& g) {
            return g.front()->name == v.name && g.front()->is_indexed == v.is_indexed;
        });
        if (same == groups.end())
            groups.push_back({&v});
        else
            same->push_back(&v);
    }
    return groups;
}

/// Those that the newest version has; all, when it has none.
alternatives newest(const alternatives& all) {
    schema::version last;
    bool is_open = false;
    for (const value* v : all) {
        is_open = is_open || !v->when.until.is_known();
        last = std::max(last, v->when.until);
    }
    alternatives kept;
    for (const value* v : all)
        if (is_open ? !v->when.until.is_known() : v->when.until == last) kept.push_back(v);
    return kept;
}

bool has_suffix_list(const std::string& format) { return format.ends_with("-list"); }

/// The strong type of a string with this format; empty for plain text.
std::string strong_type(const std::string& format) {
    if (format == "pve-node") return "node_name";
    if (format == "pve-vmid") return "steward::vmid";
    if (format == "pve-storage-id") return "storage_id";
    if (format == "pve-volume-id") return "steward::volid";
    return {};
}

/// Results mostly lack a format. These names mean one thing wherever they appear, unlike other names with "id" in them.
std::string strong_type_by_name(const std::string& wire) {
    if (wire == "upid") return "steward::upid";
    if (wire == "volid") return "steward::volid";
    if (wire == "node") return "node_name";
    if (wire == "storage") return "storage_id";
    return {};
}

/// Facts list keys by name after the default key; so does the union of two shapes, wherever a key came from.
void merge_keys(std::vector<value>& into, const std::vector<value>& more) {
    const bool was_empty = into.empty();
    const auto has = [](auto& list, const value& k) {
        return std::find_if(list.begin(), list.end(), [&](const value& other) { return other.name == k.name; });
    };
    // A key that one of the shapes lacks cannot be required of all.
    if (!was_empty)
        for (value& k : into)
            if (const auto other = has(more, k); other == more.end() || other->is_optional) k.is_optional = true;
    for (const value& k : more) {
        const auto known = has(into, k);
        if (known == into.end()) {
            const auto before = [&](const value& other) {
                return !was_empty && other.is_default_key == k.is_default_key && k.name < other.name;
            };
            const auto added = into.insert(std::find_if(into.begin(), into.end(), before), k);
            if (!was_empty) added->is_optional = true;
        } else {
            for (const std::string& c : k.choices)
                if (std::find(known->choices.begin(), known->choices.end(), c) == known->choices.end() &&
                    !known->choices.empty())
                    known->choices.push_back(c);
        }
    }
}

/// "numa" and "numa[n]" stand side by side (sdk.md §2.4): the indexed one gets another name.
void keep_apart(std::vector<member_plan>& members, member_plan& added) {
    for (member_plan& other : members) {
        if (other.ident != added.ident) continue;
        if (added.how == holding::indexed)
            added.ident += "_n";
        else if (other.how == holding::indexed)
            other.ident += "_n";
        return;
    }
}

bool is_task(const schema::method& m) {
    // The five writes that answer with another text (sdk.md §2.9).
    static const std::vector<std::string> others = {"/cluster/sdn/lock", "/nodes/{node}/qemu/{vmid}/monitor",
                                                    "/access/openid/auth-url", "/nodes/{node}/wakeonlan",
                                                    "/nodes/{node}/storage/{storage}/content"};
    return m.verb != "GET" && std::find(others.begin(), others.end(), m.path) == others.end();
}

}  // namespace

struct_plan type_book::members_of(const std::vector<value>& values, const std::string& scope, struct_plan::role role,
                                  const std::string& owner) {
    struct_plan s;
    s.what = role;
    const auto groups = grouped(values);
    for (const alternatives& all : groups) {
        member_plan m = member(all, scope, role, owner);
        keep_apart(s.members, m);
        s.members.push_back(std::move(m));
    }
    // Constructors take what is required: ids before texts.
    std::stable_partition(s.members.begin(), s.members.end(), [](const member_plan& m) {
        return m.how == holding::one && (m.type == "node_name" || m.type.starts_with("steward::"));
    });
    return s;
}

member_plan type_book::member(const alternatives& all, const std::string& scope, struct_plan::role role,
                              const std::string& owner) {
    const alternatives now = newest(all);
    const value& v = *now.front();
    member_plan m;
    m.wire = v.name;
    m.ident = identifier(v.name);
    m.remark = remark_for(all);
    m.is_default_key = v.is_default_key;
    m.is_required = role != struct_plan::role::result && std::none_of(now.begin(), now.end(), [](const value* a) {
                        return a->is_optional || !a->only_for.empty() || a->when.until.is_known();
                    });
    m.how = m.is_required ? holding::one : holding::maybe;
    if (v.type == value_type::array) {
        m.how = holding::list;
        alternatives elements;
        for (const value* a : now)
            for (const value& e : a->members) elements.push_back(&e);
        if (elements.empty())
            m.type = role == struct_plan::role::request ? "std::string" : "raw_json";
        else
            set_element(m, elements, scope, role, owner);
        return m;
    }
    if (v.is_indexed) m.how = holding::indexed;
    set_element(m, now, scope, role, owner);
    if (v.type == value_type::string && has_suffix_list(v.format) && m.structure.empty() && m.choice_of.empty()) {
        m.is_joined = true;
        m.type = strong_type(v.format.substr(0, v.format.size() - 5));
        if (m.type.empty()) m.type = "std::string";
        m.how = holding::list;
    }
    return m;
}

void type_book::set_element(member_plan& m, const alternatives& all, const std::string& scope, struct_plan::role role,
                            const std::string& owner) {
    const value& v = *all.front();
    const bool one_type = std::all_of(all.begin(), all.end(), [&](const value* a) { return a->type == v.type; });
    if (!one_type) {
        m.type = role == struct_plan::role::result ? "raw_json" : "std::string";
        return;
    }
    switch (v.type) {
        case value_type::boolean: m.type = "bool"; return;
        case value_type::number: m.type = "double"; return;
        case value_type::integer: {
            const bool is_vmid = v.format == "pve-vmid" || (role == struct_plan::role::result && m.wire == "vmid");
            m.type = is_vmid ? "steward::vmid" : "std::int64_t";
            return;
        }
        case value_type::string: set_string(m, all, scope, role); return;
        case value_type::object: {
            const std::string name = m.wire.empty() ? owner : owner + (owner.empty() ? "" : "_") + words(m.wire);
            set_object(m, v, scope, name);
            return;
        }
        case value_type::array:
        case value_type::null:
        case value_type::any: break;
    }
    // Of nested lists and of what is not described only the JSON is known.
    m.type = role == struct_plan::role::request ? "std::string" : "raw_json";
}

void type_book::set_string(member_plan& m, const alternatives& all, const std::string& scope, struct_plan::role role) {
    const value& v = *all.front();
    const bool all_structured =
        std::all_of(all.begin(), all.end(), [](const value* a) { return schema::property_keys(*a); });
    if (all_structured) {
        m.structure = property_struct(m.ident, all);
        return;
    }
    if (!v.choices.empty() && v.choices.size() <= most_choices) {
        set_choice(m, all, scope);
        return;
    }
    m.type = strong_type(v.format);
    if (m.type.empty() && role == struct_plan::role::result) m.type = strong_type_by_name(m.wire);
    if (m.type.empty()) m.type = "std::string";
}

void type_book::set_choice(member_plan& m, const alternatives& all, const std::string& scope) {
    m.choice_of = m.ident;
    m.scope = scope;
    std::vector<std::string>& values = choices_[m.ident][scope];
    for (const value* a : all)
        for (const std::string& c : a->choices)
            if (std::find(values.begin(), values.end(), c) == values.end()) values.push_back(c);
}

void type_book::set_object(member_plan& m, const value& v, const std::string& scope, const std::string& name) {
    if (!v.members.empty()) {
        m.structure = add_struct(v.members, name + "_object", scope);
        return;
    }
    if (v.rest.empty()) {
        m.type = "raw_json";
        return;
    }
    // {"anything": T}: a map, unless the map would have to be in a list.
    if (m.how != holding::maybe) {
        m.type = "raw_json";
        return;
    }
    m.how = holding::named;
    set_element(m, {&v.rest.front()}, scope, struct_plan::role::result, name + "_entry");
}

std::string type_book::property_struct(const std::string& ident, const alternatives& all) {
    std::string stem = ident;
    while (stem.ends_with('_')) stem.pop_back();
    const std::string name = stem + "_value";
    for (const value* a : all) merge_keys(property_keys_[name], *schema::property_keys(*a));
    return name;
}

std::string type_book::add_struct(const std::vector<value>& members, const std::string& name,
                                  const std::string& scope) {
    struct_plan s = members_of(members, scope, struct_plan::role::result, name.substr(0, name.rfind('_')));
    s.name = name;
    plan_.structs.push_back(std::move(s));
    return name;
}

member_plan type_book::returned(const schema::method& m, const std::string& scope, const std::string& call) {
    member_plan r;
    r.how = holding::one;
    r.type = "void";
    if (m.returns.empty()) {
        r.type = "raw_json";
        return r;
    }
    alternatives all;
    for (const value& v : m.returns) all.push_back(&v);
    const alternatives now = newest(all);
    const value& v = *now.front();
    const bool may_be_nothing = v.is_optional || std::any_of(all.begin(), all.end(), [](const value* a) {
                                    return a->type == value_type::null;
                                });
    const std::string stem = (scope.empty() ? "" : scope + "_") + call;
    if (v.type == value_type::null) return r;
    if (v.type == value_type::object && !v.members.empty()) {
        r.structure = add_struct(v.members, stem + "_result", scope);
    } else if (v.type == value_type::array && !v.members.empty()) {
        r.how = holding::list;
        const value& element = v.members.front();
        if (element.type == value_type::object && !element.members.empty())
            r.structure = add_struct(element.members, stem + "_row", scope);
        else if (element.type == value_type::object || element.type == value_type::any)
            r.type = "raw_json";
        else
            set_element(r, {&element}, scope, struct_plan::role::result, stem);
    } else if (v.type == value_type::string) {
        r.type = is_task(m) ? "steward::upid" : "std::string";
        if (may_be_nothing) r.how = holding::maybe;
    } else if (v.type == value_type::object && !v.rest.empty()) {
        r.how = holding::maybe;
        set_object(r, v, scope, stem);
    } else {
        r.type = "raw_json";
        if (v.type == value_type::integer) r.type = "std::int64_t";
        if (v.type == value_type::boolean) r.type = "bool";
        if (v.type == value_type::number) r.type = "double";
    }
    return r;
}

void type_book::finish() {
    add_property_structs();
    name_choices();
}

void type_book::add_property_structs() {
    // Property structs come first in the header: others use them, they use nothing but choices.
    std::vector<struct_plan> first;
    for (auto& [name, keys] : property_keys_) {
        std::stable_sort(keys.begin(), keys.end(),
                         [](const value& a, const value& b) { return a.is_default_key > b.is_default_key; });
        std::vector<value> own;
        for (const value& k : keys)
            if (k.alias.empty()) own.push_back(k);
        const std::string stem = name.substr(0, name.rfind('_'));
        struct_plan s = members_of(own, stem, struct_plan::role::property, stem);
        s.name = name;
        value merged;
        merged.name = "value";
        merged.type = value_type::string;
        merged.is_optional = true;
        merged.has_members = true;
        merged.members = keys;
        plan_.owned.push_back(std::move(merged));
        first.push_back(std::move(s));
    }
    // Only now do the elements of `owned` stay where they are.
    for (std::size_t i = 0; i < first.size(); ++i) first[i].keys = &plan_.owned[i];
    plan_.structs.insert(plan_.structs.begin(), std::make_move_iterator(first.begin()),
                         std::make_move_iterator(first.end()));
}

void type_book::name_choices() {
    for (const auto& [ident, scopes] : choices_) {
        const auto largest = std::max_element(scopes.begin(), scopes.end(), [](const auto& a, const auto& b) {
            return a.second.size() < b.second.size();
        });
        const bool one = std::all_of(scopes.begin(), scopes.end(), [&](const auto& s) {
            return std::all_of(s.second.begin(), s.second.end(), [&](const std::string& c) {
                return std::find(largest->second.begin(), largest->second.end(), c) != largest->second.end();
            });
        });
        std::string stem = ident;
        while (stem.ends_with('_')) stem.pop_back();
        for (const auto& [scope, values] : scopes) {
            choice_plan c;
            c.name = one || scope.empty() ? stem + "_choice" : fmt::format("{}_{}_choice", scope, stem);
            c.values = one ? largest->second : values;
            plan_.choice_names[scope + " " + ident] = c.name;
            const bool is_new = std::none_of(plan_.choices.begin(), plan_.choices.end(),
                                             [&](const choice_plan& other) { return other.name == c.name; });
            if (is_new) plan_.choices.push_back(std::move(c));
        }
    }
}

}  // namespace steward::pve::generator
