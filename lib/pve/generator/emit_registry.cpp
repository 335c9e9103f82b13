#include "pve/generator/emit.hpp"
#include "pve/generator/names.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::pve::generator {

namespace {

std::string sample_argument(const std::string& segment) {
    const std::string type = argument_type(segment);
    if (type == "path_value<node_name>") return "node_name()";
    if (type == "path_value<vmid>") return "vmid()";
    if (type == "path_value<storage_id>") return "storage_id()";
    if (type == "path_value<upid>") return "upid()";
    if (type == "path_value<volid>") return "volid()";
    return type == "std::string" ? "std::string()" : "std::int64_t()";
}

/// "/nodes/{node}/lxc/{vmid}/status" → ".nodes(node_name()).lxc(vmid()).status()"
std::string chain_to(const std::string& path) {
    std::string out;
    bool is_open = false;
    for (std::size_t at = 1; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string segment = path.substr(at, end - at);
        at = end + 1;
        if (!is_parameter(segment)) {
            if (is_open) out += "()";
            out += "." + identifier(segment);
            is_open = true;
            continue;
        }
        out += fmt::format("({})", sample_argument(segment));
        is_open = false;
    }
    return is_open ? out + "()" : out;
}

}  // namespace

std::string registry_of(const std::vector<branch_plan>& all) {
    std::string asserts;
    std::string rows;
    for (const branch_plan& b : all)
        for (const place_plan& p : b.places)
            for (const verb_plan& v : p.verbs) {
                const std::string returns = returned_type(v, b);
                const std::string request = v.request.empty() ? "" : fmt::format("{}::{}", b.name, v.request);
                const std::string given = request.empty() ? "" : fmt::format("std::declval<{}>()", request);
                asserts += fmt::format("static_assert(std::is_same_v<decltype(api(){}.{}({})), answer<{}>>);\n",
                                       chain_to(p.path), v.call, given, returns);
                rows += fmt::format("        row<{}, {}>({}::entries::{}),\n", request.empty() ? "no_request" : request,
                                    returns, b.name, v.entry);
            }
    std::string out = "// Generated: every call of the API, for tests.\n";
    out += "#include \"pve/api/everything.hpp\"\n#include \"support/api_registry.hpp\"\n\n";
    out += "namespace steward::pve::api {\n\n";
    out += "template <class R>\nusing answer = boost::asio::awaitable<result<R>, boost::asio::any_io_executor>;\n";
    // Never called: only the types of what it would lead to are asked for.
    out += "const root& api();\n\n" + asserts;
    out += "\nconst std::vector<registered_call>& all_calls() {\n";
    out += "    static const std::vector<registered_call> calls{\n" + rows + "    };\n    return calls;\n}\n\n";
    return out + "}  // namespace steward::pve::api\n";
}

}  // namespace steward::pve::generator
