#include "pve/api/decode.hpp"
#include "pve/api/encode.hpp"
#include "pve/encoding.hpp"
#include "pve/schema/all_facts.hpp"
#include "pve/schema/check.hpp"
#include "samples.hpp"
#include "support/api_registry.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

using namespace steward;
using namespace steward::pve;
using api::registered_call;
using schema::value;
using schema::value_type;
using schema::version;

// The checker is the one that the simulator answers with (lib/sim/api_schema.cpp), and its rules are held against the
// refusals of a genuine PVE in tests/unit/pve/schema/check_test.cpp.
namespace {

constexpr version all_versions[] = {version(7, 4), version(8, 4), version(9, 1), version(9, 2)};

/// A request of one call, made and ended by its table.
class any_request {
  public:
    explicit any_request(const registered_call& of) : of_(of), held_(of.make_request()) {}
    ~any_request() { of_.end_request(held_); }
    any_request(const any_request&) = delete;
    any_request& operator=(const any_request&) = delete;

    [[nodiscard]] bool fill(const schema::parameters& given) const {
        boost::json::object object;
        for (const auto& [name, text] : given) {
            boost::json::value& known = object[name];
            if (known.is_null())
                known = text;
            else if (known.is_array())
                known.get_array().emplace_back(text);
            else
                known = boost::json::array{known, text};
        }
        return api::decode(of_.takes, object, held_).has_value();
    }
    [[nodiscard]] schema::parameters encoded() const {
        schema::parameters out = api::encode(of_.takes.structure(), held_);
        std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        return out;
    }

  private:
    const registered_call& of_;
    void* held_;
};

bool is_in_path(const schema::method& m, const value& p) {
    const auto names = schema::path_parameters(m.path);
    return std::find(names.begin(), names.end(), p.name) != names.end();
}

/// The parameters of `m` in `v` that are not of its path; of those that depend on a type the ones for `type`.
std::vector<const value*> parameters_in(const schema::method& m, version v, const std::string& type) {
    std::vector<const value*> found;
    for (const value& p : m.parameters) {
        const bool fits =
            p.only_for.empty() || std::find(p.only_for.begin(), p.only_for.end(), type) != p.only_for.end();
        if (p.when.contains(v) && !is_in_path(m, p) && fits) found.push_back(&p);
    }
    return found;
}

std::string wire_name(const value& p) { return p.is_indexed ? p.name + "0" : p.name; }

void add_sample(schema::parameters& to, const value& p, version v) {
    if (p.type != value_type::array) return to.emplace_back(wire_name(p), tests::sample_of(p, v)), void();
    // One element says whether the list is sent as a list.
    if (!p.members.empty()) to.emplace_back(p.name, tests::sample_of(p.members.front(), v));
}

schema::parameters with_path(const schema::method& m, version v, schema::parameters given) {
    for (const value& p : m.parameters)
        if (is_in_path(m, p) && p.when.contains(v)) given.emplace_back(p.name, tests::sample_of(p, v));
    return given;
}

std::string text_of(const std::vector<schema::violation>& violations) {
    std::string out;
    for (const auto& v : violations) out += v.parameter + ": " + v.text + "; ";
    return out;
}

/// Types that parameters of this call depend on; one empty one where nothing does.
std::set<std::string> types_of(const schema::method& m) {
    std::set<std::string> types;
    for (const value& p : m.parameters) types.insert(p.only_for.begin(), p.only_for.end());
    if (types.empty()) types.insert("");
    return types;
}

}  // namespace

TEST_CASE(
    "every call of four versions goes through its struct and the checker, with its required fields and with all") {
    std::map<version, std::size_t> seen;
    for (const version v : all_versions) {
        std::size_t methods = 0;
        for (const registered_call& call : api::all_calls()) {
            const schema::method& m = call.method->get();
            if (!m.when.contains(v)) continue;
            ++methods;
            if (!call.has_request) continue;
            for (const std::string& type : types_of(m))
                for (const bool only_required : {true, false}) {
                    schema::parameters given;
                    for (const value* p : parameters_in(m, v, type)) {
                        if (only_required && p->is_optional) continue;
                        if (!type.empty() && p->type_property.empty() && p->choices.size() > 1 &&
                            std::find(p->choices.begin(), p->choices.end(), type) != p->choices.end())
                            given.emplace_back(p->name, type);
                        else
                            add_sample(given, *p, v);
                    }
                    std::stable_sort(given.begin(), given.end(),
                                     [](const auto& a, const auto& b) { return a.first < b.first; });
                    INFO(to_string(v) << ' ' << m.verb << ' ' << m.path << ' ' << type);
                    const any_request request(call);
                    REQUIRE(request.fill(given));
                    CHECK(request.encoded() == given);
                    CHECK(text_of(schema::check(m, v, with_path(m, v, request.encoded()))) == "");
                }
        }
        seen[v] = methods;
    }
    CHECK(seen[version(7, 4)] == 540);
    CHECK(seen[version(8, 4)] == 605);
    CHECK(seen[version(9, 1)] == 649);
    CHECK(seen[version(9, 2)] == 675);
}

namespace {

/// Whether `text` for this one parameter is refused, whatever else the call needs.
bool is_refused(const schema::method& m, version v, const value& p, const std::string& text) {
    const std::string name = wire_name(p);
    const auto violations = schema::check(m, v, {{name, text}});
    return std::any_of(violations.begin(), violations.end(), [&](const schema::violation& found) {
        return found.parameter == name && found.broken != schema::violation::rule::requires_other;
    });
}

std::string number_text(const value& p, double number) {
    return p.type == value_type::integer ? std::to_string(static_cast<std::int64_t>(number)) : std::to_string(number);
}

}  // namespace

TEST_CASE("each call is found by its path in its own version, with its arguments, as the simulator looks for it") {
    const schema::catalogue& all = schema::catalogue_of_everything();
    for (const version v : all_versions)
        for (const registered_call& call : api::all_calls()) {
            const schema::method& m = call.method->get();
            if (!m.when.contains(v)) continue;
            INFO(to_string(v) << ' ' << m.verb << ' ' << m.path);
            std::string path = m.path;
            schema::parameters arguments;
            for (const std::string& name : schema::path_parameters(m.path)) {
                const auto facts = schema::find_values(m.parameters, name, v);
                REQUIRE_FALSE(facts.empty());
                arguments.emplace_back(name, tests::sample_of(*facts.front(), v));
                const std::string place = "{" + name + "}";
                path.replace(path.find(place), place.size(), percent_encode(arguments.back().second));
            }
            const auto found = all.find(m.verb, path, v);
            REQUIRE(found);
            CHECK(found->what->path == m.path);
            CHECK(found->path == arguments);
        }
}

TEST_CASE("each bound, length and choice of each parameter is kept from both sides in four versions") {
    std::size_t bounds = 0;
    std::size_t choices = 0;
    for (const version v : all_versions)
        for (const registered_call& call : api::all_calls()) {
            const schema::method& m = call.method->get();
            if (!m.when.contains(v)) continue;
            for (const value& p : m.parameters) {
                if (!p.when.contains(v) || !p.only_for.empty()) continue;
                INFO(to_string(v) << ' ' << m.verb << ' ' << m.path << ' ' << p.name);
                const bool is_number = p.type == value_type::integer || p.type == value_type::number;
                if (is_number && p.minimum) {
                    ++bounds;
                    CHECK(is_refused(m, v, p, number_text(p, *p.minimum - 1)));
                    // Before 8.0 pve-vmid had a least value below what its format allows.
                    if (p.format.empty()) CHECK_FALSE(is_refused(m, v, p, number_text(p, *p.minimum)));
                }
                if (is_number && p.maximum) {
                    ++bounds;
                    CHECK(is_refused(m, v, p, number_text(p, *p.maximum + 1)));
                    CHECK_FALSE(is_refused(m, v, p, number_text(p, *p.maximum)));
                }
                if (p.max_length && p.type == value_type::string && p.format.empty() && p.pattern.empty()) {
                    ++bounds;
                    CHECK(is_refused(m, v, p, std::string(*p.max_length + 1, 'x')));
                    CHECK_FALSE(is_refused(m, v, p, std::string(*p.max_length, 'x')));
                }
                for (const std::string& c : p.choices) {
                    ++choices;
                    CHECK_FALSE(is_refused(m, v, p, c));
                }
                if (!p.choices.empty()) CHECK(is_refused(m, v, p, "no-such-choice"));
            }
        }
    CHECK(bounds > 2000);
    CHECK(choices > 10000);
}
