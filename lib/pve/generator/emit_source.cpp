#include "pve/generator/emit.hpp"
#include "pve/generator/names.hpp"
#include "pve/schema/facts_text.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::pve::generator {

namespace {

std::string literal(const std::string& text) { return fmt::format("R\"facts({})facts\"", text); }

/// What the checker needs; results and permissions are for people, who have pve.facts.
std::string facts_to_check(const schema::method& m) {
    schema::method bare = m;
    bare.returns.clear();
    bare.permissions.clear();
    return schema::print_method(bare);
}

std::string keys_facts(const schema::value& keys) {
    schema::method carrier;
    carrier.verb = "GET";
    carrier.name = "keys";
    carrier.parameters.push_back(keys);
    return schema::print_method(carrier);
}

void emit_choices(std::string& out, const branch_plan& branch) {
    for (const choice_plan& c : branch.choices) {
        out +=
            fmt::format("const choice_table& table_of({}) {{\n    static constexpr const char* names[] = {{", c.name);
        for (const std::string& value : c.values) out += fmt::format("\"{}\", ", value);
        out += "};\n";
        out += fmt::format("    static constexpr choice_table table{{names, {}}};\n    return table;\n}}\n\n",
                           c.values.size());
    }
}

void emit_table(std::string& out, const struct_plan& s) {
    const bool is_property = s.what == struct_plan::role::property;
    if (is_property)
        out += fmt::format("static const keys_entry {}_keys({});\n\n", s.name, literal(keys_facts(*s.keys)));
    out += fmt::format("const struct_table& {}::fields() {{\n    using self = {};\n", s.name, s.name);
    const std::string extra = s.what == struct_plan::role::result ? "offsetof(self, extra)" : "0";
    const std::string keys = is_property ? fmt::format("&{}_keys", s.name) : "nullptr";
    if (s.members.empty()) {
        out += fmt::format("    static constexpr api::struct_table table{{nullptr, 0, sizeof(self), {}, {}}};\n", extra,
                           keys);
    } else {
        out += "    static constexpr api::field rows[] = {\n";
        for (const member_plan& m : s.members)
            out += fmt::format("        make_field<decltype(self::{0})>(\"{1}\", offsetof(self, {0}){2}),\n", m.ident,
                               m.wire, m.is_joined ? ", true" : "");
        out += fmt::format("    }};\n    static constexpr api::struct_table table{{rows, {}, sizeof(self), {}, {}}};\n",
                           s.members.size(), extra, keys);
    }
    out += "    return table;\n}\n\n";
    if (!is_property) return;
    out += fmt::format("result<{0}> {0}::parse(std::string_view text) {{\n    {0} read{{blank()}};\n", s.name);
    out += "    const auto done = parse_property_string(fields(), text, &read, true);\n";
    out += "    if (!done) return done.error();\n    return read;\n}\n";
    out += fmt::format("std::string {}::text() const {{ return print_property_string(fields(), this); }}\n\n", s.name);
}

/// x() and x(id) of the branch above, which only declares them.
void emit_border(std::string& out, const branch_plan& branch, const branch_plan& above) {
    const auto parent = std::find_if(above.places.begin(), above.places.end(), [&](const place_plan& p) {
        return std::find(p.children.begin(), p.children.end(), branch.root) != p.children.end();
    });
    const std::string segment = branch.root.substr(branch.root.rfind('/') + 1);
    const std::string name = identifier(segment);
    out += fmt::format("{0}::handle {1}::{2}::{3}() const {{ return {0}::handle(*this, \"{4}\"); }}\n", branch.name,
                       above.name, parent->handle, name, segment);
    const place_plan& root = branch.places.back();
    for (const std::string& child : root.children) {
        if (!is_parameter(child.substr(child.rfind('/') + 1))) continue;
        const auto item = std::find_if(branch.places.begin(), branch.places.end(),
                                       [&](const place_plan& p) { return p.path == child; });
        out += fmt::format("{0}::{1} {2}::{3}::{4}({5} id) const {{ return {4}()(std::move(id)); }}\n", branch.name,
                           item->handle, above.name, parent->handle, name, argument_type(item->segment));
    }
    out += "\n";
}

}  // namespace

std::string source_of(const branch_plan& branch, const std::vector<branch_plan>& all) {
    std::string out = "// Generated from lib/pve/schema/pve.facts. Edits are lost.\n";
    out += fmt::format("#include \"pve/api/{}.hpp\"\n\n", branch.name);
    out += "#include \"pve/api/decode.hpp\"\n#include \"pve/api/encode.hpp\"\n\n#include <cstddef>\n\n";
    out += "namespace steward::pve::api {\n\n";
    if (const branch_plan* above = branch_above(branch, all)) emit_border(out, branch, *above);
    out += fmt::format("namespace {} {{\n\n", branch.name);
    emit_choices(out, branch);
    for (const struct_plan& s : branch.structs) emit_table(out, s);
    out += "namespace entries {\n";
    for (const place_plan& p : branch.places)
        for (const verb_plan& v : p.verbs)
            out +=
                fmt::format("const method_entry {}(\"{}\", {});\n", v.entry, p.path, literal(facts_to_check(*v.facts)));
    out += "}  // namespace entries\n\n";
    return out + fmt::format("}}  // namespace {}\n\n}}  // namespace steward::pve::api\n", branch.name);
}

}  // namespace steward::pve::generator
