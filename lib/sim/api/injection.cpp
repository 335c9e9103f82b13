#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

const char* reason_of(int code) {
    switch (code) {
        case 401: return "permission denied - invalid PVE ticket";
        case 595: return "No route to host";
        case 596: return "Connection timed out";
        default: return "injected error";
    }
}

bool is_about(const json::object& row, guest_id guest) {
    const json::value* id = row.if_contains("vmid");
    return id != nullptr && ((id->is_int64() && id->get_int64() == guest.id.number()) ||
                             (id->is_uint64() && id->get_uint64() == guest.id.number()));
}

/// Says of one guest that it runs, or that it does not, wherever its status is told.
void lie(const api_fault& fault, reply& r) {
    json::error_code ec;
    json::value whole = json::parse(r.body, ec);
    if (ec || !whole.is_object() || !whole.get_object().contains("data")) return;
    const auto tell = [&](json::object& row) {
        if (!is_about(row, *fault.about) || !row.contains("status")) return;
        row["status"] = fault.lie;
        if (row.contains("qmpstatus")) row["qmpstatus"] = fault.lie;
        if (row.contains("uptime")) row["uptime"] = fault.lie == "running" ? 600 : 0;
    };
    json::value& data = whole.get_object()["data"];
    if (data.is_object()) tell(data.get_object());
    if (data.is_array())
        for (json::value& row : data.get_array())
            if (row.is_object()) tell(row.get_object());
    r.body = json::serialize(whole);
}

}  // namespace

namespace {

/// "/nodes/n2/lxc" is n2's business.
std::string node_in(const std::string& path) {
    constexpr std::string_view prefix = "/nodes/";
    if (!path.starts_with(prefix)) return {};
    return path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size());
}

bool is_meant(const api_fault& fault, const request& what) {
    const std::string node = node_in(what.path);
    if (fault.is_proxied_only && (node.empty() || node == what.contacted.str())) return false;
    const bool is_create = what.method == "POST" && (what.path.ends_with("/lxc") || what.path.ends_with("/qemu"));
    return !fault.is_restore_only || (is_create && node == what.contacted.str());
}

}  // namespace

std::optional<api_fault> injected_fault(cluster& model, const request& what) {
    const node_name& contacted = what.contacted;
    const auto found = model.faults().api.find(contacted);
    if (found == model.faults().api.end()) return std::nullopt;
    if (found->second.until && *found->second.until <= model.now()) {
        model.faults().api.erase(found);
        return std::nullopt;
    }
    if (!is_meant(found->second, what)) return std::nullopt;
    return found->second;
}

std::optional<reply> answer_instead(const api_fault& fault) {
    reply r;
    if (fault.mode == api_mode::code) return bare(fault.code, reason_of(fault.code), duration::zero());
    if (fault.mode == api_mode::hang)
        r.what_happens = reply::fate::hang;
    else if (fault.mode == api_mode::drop_request)
        r.what_happens = reply::fate::drop;
    else
        return std::nullopt;
    return r;
}

void spoil(const api_fault& fault, const request& what, reply& r) {
    switch (fault.mode) {
        case api_mode::drop_reply: r.what_happens = reply::fate::drop; break;
        case api_mode::garbage: r.body = "<html>}{ this is not what you asked for"; break;
        case api_mode::stall: r.what_happens = reply::fate::stall; break;
        case api_mode::truncate: r.what_happens = reply::fate::truncate; break;
        case api_mode::flood:
            r.what_happens = reply::fate::flood;
            r.flood_bytes = fault.bytes;
            break;
        case api_mode::latency: r.delay += fault.extra; break;
        case api_mode::list_empty:
            if (what.method == "GET" && r.body.find("\"data\":[") != std::string::npos) r.body = R"({"data":[]})";
            break;
        case api_mode::status_lie:
            if (what.method == "GET" && r.status == 200) lie(fault, r);
            break;
        case api_mode::code:
        case api_mode::hang:
        case api_mode::drop_request: break;  // never got this far
    }
}

}  // namespace steward::sim::api
