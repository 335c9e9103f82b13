#include "sim/front/wire.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cctype>
#include <fmt/chrono.h>
#include <fmt/core.h>
#include <optional>

namespace steward::sim::wire {

namespace json = boost::json;

namespace {

constexpr std::size_t largest_body = 512U << 10U;  // pve-facts B.2

std::string header(const net::http_request& r, std::string_view name) {
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    };
    for (const auto& [key, value] : r.headers)
        if (std::equal(key.begin(), key.end(), name.begin(), name.end(), same)) return value;
    return {};
}

std::string http_date(wall_time t) {
    return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT",
                       fmt::gmtime(static_cast<std::time_t>(t.time_since_epoch().count())));
}

void add_headers(net::server_reply& r, wall_time now) {
    const std::string date = http_date(now);
    r.headers.emplace_back("Cache-Control", "max-age=0");
    r.headers.emplace_back("Date", date);
    r.headers.emplace_back("Pragma", "no-cache");
    r.headers.emplace_back("Server", "pve-api-daemon/3.0");
    r.headers.emplace_back("Expires", date);
    r.omit_length = r.body.empty();
    r.close_after = r.close_after || r.status >= 400;
}

/// Errors below the API: the message is the body, untyped; some have none.
answer plain(const cluster& model, int status, std::string reason, bool with_body) {
    answer a;
    a.reply.status = status;
    a.reply.reason = std::move(reason);
    if (with_body) a.reply.body = a.reply.reason;
    add_headers(a.reply, model.wall_now());
    return a;
}

std::string decode_form(std::string text) {
    std::replace(text.begin(), text.end(), '+', ' ');
    return percent_decode(text);
}

void read_form(std::string_view text, api::parameters& into) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find_first_of("&;", at), text.size());
        const std::string pair(text.substr(at, end - at));
        at = end + 1;
        if (pair.empty()) continue;
        const std::size_t equals = pair.find('=');
        std::string name = decode_form(pair.substr(0, equals));
        if (name == "_dc") continue;
        into.emplace_back(std::move(name), equals == std::string::npos ? "" : decode_form(pair.substr(equals + 1)));
    }
}

/// False when it is no JSON object.
bool read_json(const std::string& text, api::parameters& into) {
    json::error_code ec;
    const json::value parsed = json::parse(text, ec);
    if (ec || !parsed.is_object()) return false;
    for (const auto& [name, value] : parsed.as_object()) {
        std::string plain_text = json::serialize(value);
        if (value.is_string()) plain_text = std::string(value.as_string());
        if (value.is_bool()) plain_text = value.as_bool() ? "1" : "0";
        into.emplace_back(std::string(name), std::move(plain_text));
    }
    return true;
}

class target {
  public:
    std::string format;  ///< "json", "extjs"
    std::string path;    ///< "/nodes/n1/lxc"
    std::string query;
};

/// "/api2/json/nodes?x=y"; nothing when it is not below /api2.
std::optional<target> read_target(const std::string& whole) {
    target t;
    const std::size_t mark = whole.find('?');
    const std::string path = whole.substr(0, mark);
    if (mark != std::string::npos) t.query = whole.substr(mark + 1);
    constexpr std::string_view base = "/api2/";
    if (!path.starts_with(base)) return std::nullopt;
    const std::size_t end = path.find('/', base.size());
    t.format = path.substr(base.size(), end - base.size());
    t.path = end == std::string::npos ? "/" : path.substr(end);
    while (t.path.starts_with("//")) t.path.erase(0, 1);
    return t;
}

/// What is refused because of the body; nothing when it was read into `into`.
std::optional<answer> read_body(const cluster& model, const net::http_request& r, api::parameters& into) {
    const bool may_have_body = r.method == "POST" || r.method == "PUT";
    const std::string length = header(r, "Content-Length");
    const std::size_t announced = length.empty() ? 0 : std::strtoull(length.c_str(), nullptr, 10);
    if (!may_have_body && announced > 0)
        return plain(model, 501, fmt::format("Unexpected content for method '{}'", r.method), true);
    if (announced > largest_body) return plain(model, 501, "for data too large", true);
    if (!may_have_body || r.body.empty()) return std::nullopt;
    const std::string content_type = header(r, "Content-Type");
    const std::string kind = content_type.substr(0, content_type.find(';'));
    if (kind == "application/json") {
        if (read_json(r.body, into)) return std::nullopt;
        return plain(model, 500, "malformed JSON string, neither tag, array, object, number, string or atom", true);
    }
    if (!kind.empty() && kind != "application/x-www-form-urlencoded")
        return plain(model, 506, fmt::format("upload 'Content-Type '{}' not implemented", content_type), true);
    read_form(r.body, into);
    return std::nullopt;
}

/// extjs wraps everything into a 200 (pve-facts B.3).
void wrap_for_extjs(net::server_reply& r) {
    json::error_code ec;
    json::value parsed = json::parse(r.body, ec);
    json::object out = !ec && parsed.is_object() ? std::move(parsed.as_object()) : json::object();
    out["success"] = r.status < 400 ? 1 : 0;
    if (r.status >= 400) out["status"] = r.status;
    r.status = 200;
    r.reason = "OK";
    r.body = json::serialize(out);
}

answer from_api(const cluster& model, const api::reply& given, const std::string& format) {
    answer a;
    a.delay = given.delay;
    a.again = given.what_happens == api::reply::fate::again;
    a.hangs = given.what_happens == api::reply::fate::hang;
    a.reply.drop_connection = given.what_happens == api::reply::fate::drop;
    a.reply.status = given.status;
    a.reply.reason = given.reason.substr(0, given.reason.find('\n'));
    a.reply.body = given.body;
    if (format == "extjs" && !given.body.empty()) wrap_for_extjs(a.reply);
    if (!a.reply.body.empty()) a.reply.headers.emplace_back("Content-Type", "application/json;charset=UTF-8");
    add_headers(a.reply, model.wall_now());
    return a;
}

}  // namespace

answer serve(cluster& model, const node_name& contacted, const net::http_request& r,
             std::optional<time_point> arrived) {
    if (r.method != "GET" && r.method != "POST" && r.method != "PUT" && r.method != "DELETE")
        return plain(model, 501, fmt::format("method '{}' not available", r.method), false);
    if (header(r, "Transfer-Encoding").find("chunked") != std::string::npos)
        return plain(model, 501, "chunked transfer encoding not supported", true);
    const auto where = read_target(r.target);
    if (!where) return plain(model, 501, fmt::format("no such uri '{}'", r.target), true);
    api::request call(contacted, r.method, where->path);
    call.arrived = arrived;
    call.who.authorization = header(r, "Authorization");
    call.who.cookie = header(r, "Cookie");
    call.who.csrf = header(r, "CSRFPreventionToken");
    // Who cannot be recognised learns nothing about his body (the order of checks in pve-facts B.2).
    const bool open = api::is_open_to_the_world(model, r.method, where->path);
    const bool known = api::authenticate(model, contacted, call.who, r.method != "GET").has_value();
    if (!open && !known) return from_api(model, api::handle(model, call), where->format);
    read_form(where->query, call.params);
    if (auto refused = read_body(model, r, call.params)) return std::move(*refused);
    if (where->format != "json" && where->format != "extjs")
        return plain(model, 501, fmt::format("no formatter for uri {}, {}", where->path, where->format), true);
    return from_api(model, api::handle(model, call), where->format);
}

}  // namespace steward::sim::wire
