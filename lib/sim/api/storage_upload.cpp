#include "sim/api/storage.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/core.h>

/// /nodes/{node}/storage/{storage}/upload
namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

/// The last part of a path, with '_' for whatever PVE does not want in a file name.
std::string plain_name(std::string name) {
    if (const std::size_t slash = name.find_last_of("/\\"); slash != std::string::npos) name.erase(0, slash + 1);
    for (char& ch : name) {
        const bool is_plain =
            std::isalnum(static_cast<unsigned char>(ch)) != 0 || ch == '_' || ch == '-' || ch == '.' || ch == '+';
        if (!is_plain) ch = '_';
    }
    return name;
}

reply upload(call& c) {
    const storage_id id(c.path.at("storage"));
    if (auto refused = storage_obstacle(c, id)) return *refused;
    const storage_entry& s = *c.model.storage(id, c.at);
    if (!s.has_files()) return error(500, fmt::format("can't upload to storage type '{}'", s.type));
    if (c.upload == nullptr) return error(500, "missing temporary file name");
    const std::string content = c.get("content");
    const std::string name = plain_name(c.get("filename"));
    constexpr std::array<std::string_view, 3> allowed = {"iso", "vztmpl", "import"};
    if (std::find(allowed.begin(), allowed.end(), content) == allowed.end())
        return parameter_error({{"content", fmt::format("upload content type '{}' not allowed", content)}});
    if (!is_name_of(content, name)) return parameter_error({{"filename", "wrong file extension"}});
    if (!s.holds(content))
        return error(500, fmt::format("storage '{}' does not support '{}' content", id.str(), content));
    stored_file file(volid(fmt::format("{}:{}/{}", id.str(), content, name)), c.upload->content.size(), {});
    constexpr std::size_t small = 64U << 10U;  // snippets and such; nobody reads the rest
    if (c.upload->content.size() <= small) file.text = c.upload->content;
    task_work w("imgcopy", "", 100ms);
    cluster& model = c.model;
    const node_name node = c.node;
    const std::string target = path_of(s, file.id);
    const std::string from = c.get("tmpfilename");
    w.finish = [&model, node, file, target, from](const std::string& upid) mutable -> std::string {
        if (!model.is_active(storage_of(file.id), node))
            return fmt::format("storage '{}' is not online", storage_of(file.id).str());
        if (model.available(storage_of(file.id), node) < file.bytes)
            return fmt::format("command 'cp -- {} {}' failed: exit code 1", from, target);
        file.created = model.wall_now();
        model.log_line(upid, "starting file import from: " + from);
        model.log_line(upid, fmt::format("target file: {}", target));
        model.log_line(upid, fmt::format("file size is: {} B", file.bytes));
        model.log_line(upid, "finished file import successfully");
        model.store(node, file);
        return "OK";
    };
    return ok(json::value(c.model.start_task(c.node, c.who.name(), std::move(w))));
}

}  // namespace

const std::vector<route>& storage_upload_routes() {
    static const std::vector<route> routes = {{"POST", "/nodes/{node}/storage/{storage}/upload", upload}};
    return routes;
}

}  // namespace steward::sim::api
