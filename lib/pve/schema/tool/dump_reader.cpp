#include "pve/schema/tool/dump_reader.hpp"

#include "pve/schema/tool/dump_values.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::pve::schema {

namespace json = boost::json;

namespace {

fault bad_dump(std::string detail) { return {errc::garbage, "API dump", std::move(detail)}; }

std::string read_rule(const json::object& info) {
    const json::value* permissions = info.if_contains("permissions");
    if (!permissions || !permissions->is_object()) return "root";
    // With both, PVE lets every user in before it looks at the check; "world" only spares the login.
    const json::value* user = permissions->get_object().if_contains("user");
    const std::string who = user ? text_in(*user).value_or("") : "";
    const json::value* check = permissions->get_object().if_contains("check");
    if (check && who != "all") return json::serialize(*check);
    return who.empty() ? "code" : who;
}

/// Undeclared: url_seq of SDN prefix lists; declared optional: 31 others, which a path cannot leave out (sdk.md §2.8).
void require_path_parameters(method& into) {
    for (const std::string& name : path_parameters(into.path)) {
        const auto is_it = [&name](const value& parameter) { return parameter.name == name; };
        const auto found = std::find_if(into.parameters.begin(), into.parameters.end(), is_it);
        if (found != into.parameters.end()) {
            found->is_optional = false;
            continue;
        }
        value missing;
        missing.name = name;
        missing.type = value_type::string;
        into.parameters.push_back(std::move(missing));
    }
}

method read_method(std::string_view path, std::string_view verb, const json::object& info) {
    method read;
    read.path = path;
    read.verb = verb;
    if (const json::value* name = info.if_contains("name")) read.name = text_in(*name).value_or("");
    read.is_protected = is_true(info.if_contains("protected"));
    read.is_proxied = info.contains("proxyto");  // null: a function decides which node
    const json::value* token = info.if_contains("allowtoken");
    read.allows_token = !token || is_true(token);
    read.is_download = is_true(info.if_contains("download_allowed"));
    read.permissions.emplace_back().rule = read_rule(info);
    const json::value* parameters = info.if_contains("parameters");
    if (parameters && parameters->is_object()) {
        const json::value* more = parameters->get_object().if_contains("additionalProperties");
        read.accepts_more = !more || is_true(more);
        const json::value* properties = parameters->get_object().if_contains("properties");
        if (properties && properties->is_object()) read.parameters = read_properties(properties->get_object());
    }
    require_path_parameters(read);
    sort_parameters(read);
    const json::value* returns = info.if_contains("returns");
    if (returns && returns->is_object() && !returns->get_object().empty())
        read.returns = read_values("", returns->get_object());
    return read;
}

result<void> read_nodes(const json::value& nodes, std::vector<method>& into) {
    if (!nodes.is_array()) return bad_dump("expected an array of tree nodes");
    for (const json::value& node : nodes.get_array()) {
        const json::object* fields = node.if_object();
        const json::value* path = fields ? fields->if_contains("path") : nullptr;
        if (!path || !path->is_string()) return bad_dump("a tree node without its path");
        const std::string_view path_text = path->get_string();
        const json::value* info = fields->if_contains("info");
        if (info && info->is_object()) {
            for (const auto& [verb, description] : info->get_object()) {
                if (!description.is_object()) return bad_dump(fmt::format("{}: a method is no object", path_text));
                into.push_back(
                    read_method(path_text, std::string_view(verb.data(), verb.size()), description.get_object()));
            }
        }
        if (const json::value* children = fields->if_contains("children"); children && children->is_array()) {
            auto done = read_nodes(*children, into);
            if (!done) return done;
        }
    }
    return {};
}

/// Where the JSON begins; the whole text if nothing is assigned.
std::string_view assigned_part(std::string_view text) {
    for (const std::string_view name : {"apiSchema", "pveapi"}) {
        for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
            const std::size_t equals = text.find_first_not_of(" \t\r\n", at + name.size());
            if (equals != std::string_view::npos && text[equals] == '=') return text.substr(equals + 1);
        }
    }
    return text;
}

}  // namespace

result<json::value> find_tree(std::string_view text) {
    json::parse_options options;
    options.max_depth = 256;  // a tree of trees of schemas: deeper than Boost's 32
    json::stream_parser parser({}, options);
    const std::string_view begin = assigned_part(text);
    json::error_code ec;
    const std::size_t read = parser.write_some(begin.data(), begin.size(), ec);
    if (!ec && !parser.done()) parser.finish(ec);
    if (ec) return bad_dump(fmt::format("no JSON at byte {}: {}", begin.data() - text.data() + read, ec.message()));
    return parser.release();
}

result<std::vector<method>> read_dump(std::string_view text) {
    const auto tree = find_tree(text);
    if (!tree) return tree.error();
    std::vector<method> methods;
    const auto done = read_nodes(*tree, methods);
    if (!done) return done.error();
    if (methods.empty()) return bad_dump("no method in it");
    std::sort(methods.begin(), methods.end(),
              [](const method& a, const method& b) { return std::tie(a.path, a.verb) < std::tie(b.path, b.verb); });
    return methods;
}

std::string url_shape(std::string_view path) {
    std::string shape;
    bool is_name = false;
    for (const char c : path) {
        if (c == '}') is_name = false;
        if (!is_name) shape += c;
        if (c == '{') is_name = true;
    }
    return shape;
}

void sort_parameters(method& what) {
    const std::vector<std::string> in_path = path_parameters(what.path);
    const auto rank = [&in_path](const value& parameter) {
        return std::find(in_path.begin(), in_path.end(), parameter.name) - in_path.begin();
    };
    sort_values(what.parameters);
    std::stable_sort(what.parameters.begin(), what.parameters.end(),
                     [&rank](const value& a, const value& b) { return rank(a) < rank(b); });
}

}  // namespace steward::pve::schema
