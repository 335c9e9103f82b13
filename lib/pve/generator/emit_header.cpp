#include "pve/generator/emit.hpp"
#include "pve/generator/names.hpp"
#include "pve/generator/remark.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::pve::generator {

namespace {

std::string element_type(const member_plan& m, const branch_plan& branch) {
    const std::string here = branch.name + "::";
    if (!m.structure.empty()) return here + m.structure;
    if (!m.choice_of.empty()) return fmt::format("choice<{}{}>", here, branch.choice_name(m));
    return m.type;
}

void emit_choice(std::string& out, const choice_plan& c) {
    out += fmt::format("enum class {} : std::uint16_t {{\n", c.name);
    for (const std::string& value : c.values) out += fmt::format("    {},\n", identifier(value));
    out += fmt::format("}};\n[[nodiscard]] const choice_table& table_of({});\n\n", c.name);
}

void emit_constructors(std::string& out, const struct_plan& s, const branch_plan& branch) {
    std::string parameters;
    std::string initialisers;
    for (const member_plan& m : s.members) {
        if (!m.is_required) continue;
        const std::string name = m.ident + (m.ident.ends_with('_') ? "given" : "_given");
        parameters += (parameters.empty() ? "" : ", ") + type_of(m, branch) + " " + name;
        initialisers += fmt::format("{}{}(std::move({}))", initialisers.empty() ? " : " : ", ", m.ident, name);
    }
    if (parameters.empty()) {
        out += fmt::format("    {}() {{}}\n", s.name);
        if (s.what != struct_plan::role::result) out += fmt::format("    explicit {}(blank) {{}}\n", s.name);
        return;
    }
    out += fmt::format("    {}({}){} {{}}\n", s.name, parameters, initialisers);
    // Values in lists and maps are made first and filled afterwards.
    out += fmt::format("    explicit {}(blank) {{}}\n", s.name);
    if (s.what == struct_plan::role::property) out += fmt::format("    {}() {{}}\n", s.name);
}

void emit_setter(std::string& out, const struct_plan& s, const member_plan& m, const branch_plan& branch) {
    const std::string element = element_type(m, branch);
    const std::string head = fmt::format("    {}& with_{}(", s.name, words(m.ident));
    switch (m.how) {
        case holding::one: return;
        case holding::maybe:
            out += fmt::format("{}{} v) {{ return {} = std::move(v), *this; }}\n", head, element, m.ident);
            return;
        case holding::list:
            out += fmt::format("{}std::vector<{}> v) {{ return {} = std::move(v), *this; }}\n", head, element, m.ident);
            return;
        case holding::indexed:
            out +=
                fmt::format("{}unsigned n, {} v) {{ return {}[n] = std::move(v), *this; }}\n", head, element, m.ident);
            return;
        case holding::named: return;
    }
}

void emit_struct(std::string& out, const struct_plan& s, const branch_plan& branch) {
    out += fmt::format("class {} {{\n  public:\n", s.name);
    emit_constructors(out, s, branch);
    for (const member_plan& m : s.members) {
        const bool is_plain =
            m.how == holding::one && (m.type == "bool" || m.type == "double" || m.type == "std::int64_t");
        const std::string remark = m.remark.empty() ? "" : "  ///< " + m.remark;
        out += fmt::format("    {} {}{};{}\n", type_of(m, branch), m.ident, is_plain ? "{}" : "", remark);
    }
    if (s.what == struct_plan::role::result) out += "    raw_json extra;  ///< what the facts do not name\n";
    if (s.what == struct_plan::role::request)
        out += "    schema::parameters extra;  ///< for what a newer server knows\n";
    if (s.what != struct_plan::role::result)
        for (const member_plan& m : s.members) emit_setter(out, s, m, branch);
    if (s.what == struct_plan::role::property) {
        out += fmt::format("    [[nodiscard]] static result<{}> parse(std::string_view text);\n", s.name);
        out += "    [[nodiscard]] std::string text() const;\n";
    }
    out += "    static const struct_table& fields();\n};\n\n";
}

std::string permission_remark(const schema::method& m) {
    std::string out;
    for (const schema::permission& p : m.permissions) {
        const std::string when = to_string(p.when);
        out += fmt::format("    /// may: {}{}\n", p.rule, when.empty() ? "" : " (" + when + ")");
    }
    return out;
}

void emit_verb(std::string& out, const verb_plan& v, const branch_plan& branch) {
    const std::string when = to_string(v.facts->when);
    out += fmt::format("    /// {} {}{}\n", v.facts->verb, v.facts->path, when.empty() ? "" : ", " + when);
    out += permission_remark(*v.facts);
    const std::string returns = returned_type(v, branch);
    std::string parameters;
    std::string prepared = fmt::format("prepare(entries::{})", v.entry);
    if (!v.request.empty()) {
        parameters = fmt::format("const {}::{}& p{}", branch.name, v.request, v.needs_request ? "" : " = {}");
        prepared = fmt::format("prepare(entries::{}, {}::{}::fields(), &p, p.extra)", v.entry, branch.name, v.request);
    }
    out += "    template <class Executor = boost::asio::any_io_executor>\n";
    out += fmt::format("    [[nodiscard]] boost::asio::awaitable<result<{}>, Executor> {}({}) const {{\n", returns,
                       v.call, parameters);
    out += fmt::format("        return send<{}, Executor>(*to_, {});\n    }}\n", returns, prepared);
}

std::string argument_text(const std::string& segment) {
    const std::string type = argument_type(segment);
    if (type.starts_with("path_value")) return "id.text()";
    return type == "std::string" ? "id" : "std::to_string(id)";
}

const place_plan* find_place(const branch_plan& branch, const std::string& path) {
    const auto found =
        std::find_if(branch.places.begin(), branch.places.end(), [&](const place_plan& p) { return p.path == path; });
    return found == branch.places.end() ? nullptr : &*found;
}

/// x(), x(id) and x(request): a place below this one, an item of it, a POST to it.
void emit_child(std::string& out, const branch_plan& branch, const std::string& path) {
    const place_plan* child = find_place(branch, path);
    if (!child) return;
    if (is_parameter(child->segment)) {
        out += fmt::format("    [[nodiscard]] {}::{} operator()({} id) const {{\n", branch.name, child->handle,
                           argument_type(child->segment));
        out += fmt::format("        return {}::{}(*this, \"{}\", {});\n    }}\n", branch.name, child->handle,
                           child->segment.substr(1, child->segment.size() - 2), argument_text(child->segment));
        return;
    }
    const std::string name = identifier(child->segment);
    out += fmt::format("    [[nodiscard]] {0}::{1} {2}() const {{ return {0}::{1}(*this, \"{3}\"); }}\n", branch.name,
                       child->handle, name, child->segment);
    for (const std::string& below : child->children) {
        const place_plan* item = find_place(branch, below);
        if (!item || !is_parameter(item->segment)) continue;
        out += fmt::format("    [[nodiscard]] {}::{} {}({} id) const {{ return {}()(std::move(id)); }}\n", branch.name,
                           item->handle, name, argument_type(item->segment), name);
    }
    for (const verb_plan& v : child->verbs) {
        if (v.call != "create" || v.request.empty()) continue;
        out += "    template <class Executor = boost::asio::any_io_executor>\n";
        out +=
            fmt::format("    [[nodiscard]] boost::asio::awaitable<result<{}>, Executor> {}(const {}::{}& p) const {{\n",
                        returned_type(v, branch), name, branch.name, v.request);
        out += fmt::format("        return {}().template create<Executor>(p);\n    }}\n", name);
    }
}

/// The item of the collection that another branch describes, if it has any.
const place_plan* item_of(const branch_plan& below) {
    const place_plan* root = find_place(below, below.root);
    for (const std::string& child : root->children)
        if (is_parameter(child.substr(child.rfind('/') + 1))) return find_place(below, child);
    return nullptr;
}

/// A place that another branch describes: only declared here, defined in that branch.
void emit_border(std::string& out, const branch_plan& below) {
    const std::string name = identifier(below.root.substr(below.root.rfind('/') + 1));
    out += fmt::format("    /// include \"pve/api/{}.hpp\"\n", below.name);
    out += fmt::format("    [[nodiscard]] {}::handle {}() const;\n", below.name, name);
    if (const place_plan* item = item_of(below))
        out += fmt::format("    [[nodiscard]] {}::{} {}({} id) const;\n", below.name, item->handle, name,
                           argument_type(item->segment));
}

void emit_place(std::string& out, const place_plan& p, const branch_plan& branch, const std::vector<branch_plan>& all) {
    out += fmt::format("/// {}\nclass {} : public place {{\n  public:\n    using place::place;\n", p.path, p.handle);
    for (const verb_plan& v : p.verbs) emit_verb(out, v, branch);
    for (const std::string& child : p.children) {
        const auto border = std::find_if(all.begin(), all.end(), [&](const branch_plan& b) { return b.root == child; });
        if (border == all.end())
            emit_child(out, branch, child);
        else
            emit_border(out, *border);
    }
    out += "};\n\n";
}

std::string forward_declarations(const branch_plan& branch, const std::vector<branch_plan>& all) {
    std::string out;
    for (const place_plan& p : branch.places)
        for (const std::string& child : p.children)
            for (const branch_plan& b : all) {
                if (b.root != child) continue;
                out += fmt::format("namespace {} {{\nclass handle;\n", b.name);
                if (const place_plan* item = item_of(b)) out += fmt::format("class {};\n", item->handle);
                out += "}\n";
            }
    return out.empty() ? out : out + "\n";
}

}  // namespace

std::string argument_type(const std::string& segment) {
    const std::string name = segment.substr(1, segment.size() - 2);
    if (name == "node") return "path_value<node_name>";
    if (name == "vmid") return "path_value<vmid>";
    if (name == "storage") return "path_value<storage_id>";
    if (name == "upid") return "path_value<upid>";
    if (name == "volume") return "path_value<volid>";
    if (name == "pos" || name == "osdid" || name == "order") return "std::int64_t";
    return "std::string";
}

std::string type_of(const member_plan& m, const branch_plan& branch) {
    const std::string element = element_type(m, branch);
    switch (m.how) {
        case holding::one: return element;
        case holding::maybe: return fmt::format("std::optional<{}>", element);
        case holding::list: return fmt::format("std::vector<{}>", element);
        case holding::indexed: return fmt::format("std::map<unsigned, {}>", element);
        case holding::named: break;
    }
    return fmt::format("std::map<std::string, {}>", element);
}

std::string returned_type(const verb_plan& v, const branch_plan& branch) { return type_of(v.returns, branch); }

std::string header_of(const branch_plan& branch, const std::vector<branch_plan>& all) {
    std::string out = "// Generated from lib/pve/schema/pve.facts. Edits are lost.\n#pragma once\n";
    out += "#include \"pve/api/call.hpp\"\n";
    if (const branch_plan* above = branch_above(branch, all))
        out += fmt::format("#include \"pve/api/{}.hpp\"\n", above->name);
    out += "\nnamespace steward::pve::api {\n\n" + forward_declarations(branch, all);
    out += fmt::format("/// {}\nnamespace {} {{\n\n", branch.root, branch.name);
    for (const choice_plan& c : branch.choices) emit_choice(out, c);
    for (const struct_plan& s : branch.structs) emit_struct(out, s, branch);
    out += "namespace entries {\n";
    for (const place_plan& p : branch.places)
        for (const verb_plan& v : p.verbs) out += fmt::format("extern const method_entry {};\n", v.entry);
    out += "}  // namespace entries\n\n";
    for (const place_plan& p : branch.places) emit_place(out, p, branch, all);
    out += fmt::format("}}  // namespace {}\n", branch.name);
    if (branch.root == "/")
        out +=
            "\n/// The whole API of one cluster: root(session).nodes(\"n2\").lxc(101).config().get()\nusing root = "
            "start::handle;\n";
    return out + "\n}  // namespace steward::pve::api\n";
}

const branch_plan* branch_above(const branch_plan& branch, const std::vector<branch_plan>& all) {
    for (const branch_plan& other : all)
        for (const place_plan& p : other.places)
            for (const std::string& child : p.children)
                if (child == branch.root && &other != &branch) return &other;
    return nullptr;
}

std::string umbrella_of(const std::vector<branch_plan>& all) {
    std::string out =
        "// Generated. Every branch of the API; including only those in use compiles faster.\n#pragma once\n";
    for (const branch_plan& b : all) out += fmt::format("#include \"pve/api/{}.hpp\"\n", b.name);
    return out + "#include \"pve/api/session.hpp\"\n";
}

}  // namespace steward::pve::generator
