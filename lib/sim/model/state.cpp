#include "sim/model/state.hpp"

#include "sim/model/readable_json.hpp"
#include "sim/model/state_parts.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include <exception>
#include <fmt/core.h>

namespace steward::sim {

namespace json = boost::json;

namespace {

constexpr int format_version = 1;

fault damaged(const std::string& why) { return fault(errc::invalid, "state file", why); }

result<json::object> read_whole(std::string_view text) {
    json::error_code ec;
    json::value whole = json::parse(json::string_view(text.data(), text.size()), ec);
    if (ec) return damaged("it is not JSON: " + ec.message());
    if (!whole.is_object()) return damaged("it is not a saved cluster");
    const json::value* version = whole.get_object().if_contains("steward-sim");
    if (version == nullptr || *version != format_version)
        return damaged(
            fmt::format("\"steward-sim\" must be {}: the file is of another kind or version", format_version));
    return std::move(whole.get_object());
}

}  // namespace

std::string save_state(const cluster& model) {
    // The parts only look when they write.
    const state_access parts(const_cast<cluster&>(model));  // NOLINT
    const options& o = model.configured();
    return readable_json(json::object{{"steward-sim", format_version},
                                      {"pve", to_string(o.version)},
                                      {"cluster", o.cluster_name},
                                      {"calendar", format_utc(model.wall_now())},
                                      {"qdevice", o.has_qdevice},
                                      {"boots-after-reset", o.boots_after_reset},
                                      {"nodes", parts.nodes()},
                                      {"cut-links", parts.cut_links()},
                                      {"services", parts.services()},
                                      {"running", parts.running()},
                                      {"volumes", parts.volumes()},
                                      {"archives", parts.archives()},
                                      {"stored-files", parts.stored_files()},
                                      {"faults", parts.faults()},
                                      {"tasks", parts.tasks()},
                                      {"files", parts.files()}},
                         2);
}

result<options> options_of_state(std::string_view text) {
    const auto whole = read_whole(text);
    if (!whole) return whole.error();
    try {
        const json::array& nodes = whole->at("nodes").as_array();
        options o = make_options(static_cast<int>(nodes.size()), {});
        o.nodes.clear();
        for (const json::value& n : nodes) o.nodes.emplace_back(std::string(n.at("name").as_string()));
        o.cluster_name = std::string(whole->at("cluster").as_string());
        const auto version = pve::schema::parse_version(std::string(whole->at("pve").as_string()));
        if (!version) return damaged(version.error().text());
        o.version = *version;
        o.has_qdevice = whole->at("qdevice").as_bool();
        o.boots_after_reset = whole->at("boots-after-reset").as_bool();
        return o;
    } catch (const std::exception& e) {
        return damaged(e.what());
    }
}

result<void> load_state(cluster& model, std::string_view text) {
    const auto whole = read_whole(text);
    if (!whole) return whole.error();
    try {
        state_access parts(model);
        parts.read_files(whole->at("files"));
        parts.read_nodes(whole->at("nodes"));
        parts.read_cut_links(whole->at("cut-links"));
        parts.read_volumes(whole->at("volumes"));
        parts.read_archives(whole->at("archives"));
        parts.read_stored_files(whole->at("stored-files"));
        parts.read_running(whole->at("running"));
        parts.read_tasks(whole->at("tasks"));
        parts.read_faults(whole->at("faults"));
        parts.read_services(whole->at("services"));
        parts.settle();
    } catch (const std::exception& e) {
        return damaged(e.what());
    }
    return {};
}

}  // namespace steward::sim
