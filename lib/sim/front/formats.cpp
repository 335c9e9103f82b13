#include "sim/front/formats.hpp"

#include "net/packing.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <fmt/core.h>

namespace steward::sim::wire {

namespace json = boost::json;

namespace {

constexpr std::size_t packed_from = 1024;

json::object object_in(const std::string& body) {
    json::error_code ec;
    json::value parsed = json::parse(body, ec);
    return !ec && parsed.is_object() ? std::move(parsed.get_object()) : json::object();
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '&')
            out += "&amp;";
        else if (c == '"')
            out += "&quot;";
        else
            out += c;
    }
    return out;
}

std::string page(std::string_view title, std::string_view content) {
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{0}</title></head>\n"
        "<body>\n<h1>{0}</h1>\n{1}\n</body>\n</html>\n",
        escaped(title), content);
}

/// Refused parameters give their status as a text there, other errors as a number (recorded: proto-13, proto-14).
json::value status_for_extjs(int status) {
    if (status >= 400 && status < 500) return json::value(std::to_string(status));
    return status;
}

void wrap_for_extjs(net::server_reply& r) {
    json::object out = object_in(r.body);
    out["success"] = r.status < 400 ? 1 : 0;
    if (r.status >= 400) out["status"] = status_for_extjs(r.status);
    r.status = 200;
    r.reason = "OK";
    r.body = json::serialize(out);
}

}  // namespace

bool is_format(std::string_view name) {
    return name == "json" || name == "extjs" || name == "html" || name == "htmljs";
}

void put_into_format(net::server_reply& r, std::string_view format) {
    if (r.body.empty()) return;
    if (format.starts_with("html")) {
        r.body = page("Proxmox VE API", "<pre>" + escaped(r.body) + "</pre>");
        r.headers.emplace_back("Content-Type", "text/html;charset=UTF-8");
        return;
    }
    if (format == "extjs") wrap_for_extjs(r);
    r.headers.emplace_back("Content-Type", "application/json;charset=UTF-8");
}

bool has_messages(pve::schema::version version) { return !version.is_known() || version >= pve::schema::version(8, 3); }

void drop_message(net::server_reply& r) {
    json::object body = object_in(r.body);
    if (body.erase("message") > 0) r.body = json::serialize(body);
}

void pack(net::server_reply& r, std::string_view accepted) {
    if (r.body.size() <= packed_from || !r.raw.empty()) return;
    if (accepted.find("gzip") != std::string_view::npos) {
        r.body = net::pack_gzip(r.body);
        r.headers.emplace_back("Content-Encoding", "gzip");
    } else if (accepted.find("deflate") != std::string_view::npos) {
        r.body = net::pack_deflate(r.body);
        r.headers.emplace_back("Content-Encoding", "deflate");
    }
}

std::string front_page(const std::string& node) {
    return page(node + " - Proxmox Virtual Environment",
                "<p>This is Steward's simulated cluster. It has no web interface; its API is at "
                "<a href=\"/api2/html\">/api2/html</a> and /api2/json.</p>");
}

}  // namespace steward::sim::wire
