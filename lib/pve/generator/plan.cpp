#include "pve/generator/plan.hpp"

#include "pve/generator/names.hpp"
#include "pve/generator/types.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>

namespace steward::pve::generator {

namespace {

using schema::method;
using schema::value;
using schema::value_type;

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string last_segment(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string joined(std::string_view a, std::string_view b) {
    if (a.empty()) return std::string(b);
    return fmt::format("{}_{}", a, b);
}

const char* call_of(std::string_view verb) {
    if (verb == "GET") return "get";
    if (verb == "POST") return "create";
    if (verb == "PUT") return "set";
    return "remove";
}

/// Everything below one root, method by method.
class branch_builder {
  public:
    branch_builder(const branch_name& name) : types_(plan_) {
        plan_.name = name.name;
        plan_.root = name.root;
    }

    void add(const method& m) {
        place_plan& place = place_of(m.path);
        const std::string scope = scope_of(m.path);
        verb_plan v;
        v.facts = &m;
        v.call = call_of(m.verb);
        v.entry = joined(scope, v.call);
        add_request(m, scope, v);
        v.returns = types_.returned(m, scope, v.call);
        place.verbs.push_back(std::move(v));
    }

    /// Makes the place and those above it, up to the branch's root.
    place_plan& place_of(const std::string& path) {
        const auto found = places_.find(path);
        if (found != places_.end()) return found->second;
        place_plan& fresh = places_[path];
        fresh.path = path;
        fresh.segment = last_segment(path);
        fresh.handle = joined(scope_of(path), "handle");
        if (path != plan_.root) place_of(parent_of(path)).children.push_back(path);
        return fresh;
    }

    result<branch_plan> finish() {
        for (auto& [path, place] : places_) std::sort(place.children.begin(), place.children.end());
        deepest_first(plan_.root);
        types_.finish();
        const std::string twice = names_taken_twice();
        if (!twice.empty())
            return fault(errc::invalid, "branch " + plan_.name,
                         fmt::format("two things would be called {}; the rule is in names.hpp", twice));
        return std::move(plan_);
    }

  private:
    [[nodiscard]] std::string scope_of(const std::string& path) const {
        return place_name(std::string_view(path).substr(plan_.root == "/" ? 0 : plan_.root.size()));
    }

    void add_request(const method& m, const std::string& scope, verb_plan& v) {
        const auto in_path = schema::path_parameters(m.path);
        std::vector<value> own;
        for (const value& p : m.parameters)
            if (std::find(in_path.begin(), in_path.end(), p.name) == in_path.end()) own.push_back(p);
        if (own.empty()) return;
        v.request = joined(joined(scope, v.call), "request");
        struct_plan s = types_.members_of(own, scope, struct_plan::role::request, scope);
        s.name = v.request;
        v.needs_request =
            std::any_of(s.members.begin(), s.members.end(), [](const member_plan& f) { return f.is_required; });
        plan_.structs.push_back(std::move(s));
    }

    void deepest_first(const std::string& path) {
        const auto found = places_.find(path);
        if (found == places_.end()) return;
        for (const std::string& child : found->second.children) deepest_first(child);
        plan_.places.push_back(found->second);
    }

    [[nodiscard]] std::string names_taken_twice() const {
        std::set<std::string> taken;
        for (const place_plan& p : plan_.places)
            if (!taken.insert(p.handle).second) return p.handle;
        for (const choice_plan& c : plan_.choices)
            if (!taken.insert(c.name).second) return c.name;
        for (const struct_plan& s : plan_.structs) {
            if (!taken.insert(s.name).second) return s.name;
            std::set<std::string> members;
            for (const member_plan& m : s.members)
                if (!members.insert(m.ident).second) return s.name + "." + m.ident;
        }
        return {};
    }

    branch_plan plan_;
    type_book types_;
    std::map<std::string, place_plan> places_;
};

}  // namespace

std::string branch_plan::choice_name(const member_plan& m) const {
    const auto found = choice_names.find(m.scope + " " + m.choice_of);
    return found == choice_names.end() ? std::string() : found->second;
}

const branch_name& branch_of(const std::vector<branch_name>& branches, const std::string& path) {
    const branch_name* best = &branches.front();
    for (const branch_name& b : branches) {
        const bool is_above = b.root == "/" || path == b.root || path.starts_with(b.root + "/");
        if (is_above && b.root.size() >= best->root.size()) best = &b;
    }
    return *best;
}

result<std::vector<branch_plan>> make_plan(const std::vector<method>& methods,
                                           const std::vector<branch_name>& branches) {
    if (branches.empty() || branches.front().root != "/")
        return fault(errc::invalid, "branches", "the first one has to be the root, \"/\"");
    std::map<std::string, branch_builder> builders;
    for (const branch_name& b : branches) builders.emplace(b.name, b);
    for (const branch_name& b : branches) {
        builders.at(b.name).place_of(b.root);
        // The place above a branch knows it as a child that is described elsewhere.
        if (b.root != "/") {
            const std::string above = parent_of(b.root);
            builders.at(branch_of(branches, above).name).place_of(above).children.push_back(b.root);
        }
    }
    for (const method& m : methods) builders.at(branch_of(branches, m.path).name).add(m);
    std::vector<branch_plan> plans;
    for (const branch_name& b : branches) {
        auto plan = builders.at(b.name).finish();
        if (!plan) return plan.error();
        plans.push_back(std::move(*plan));
    }
    return plans;
}

}  // namespace steward::pve::generator
