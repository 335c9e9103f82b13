#include "sim/front/wire.hpp"

#include "base/sha1.hpp"
#include "sim/front/body_parsers.hpp"
#include "sim/front/formats.hpp"

#include <algorithm>
#include <array>
#include <fmt/chrono.h>
#include <fmt/core.h>
#include <optional>

namespace steward::sim::wire {

namespace {

/// pve-facts B.2: the limit grew with pve-http-server 5.2.1.
constexpr std::size_t largest_body = 512U << 10U;
constexpr std::size_t largest_body_before_8_4 = 64U << 10U;
/// PVE streams uploads to its disk, of any size; here they are kept in memory.
constexpr std::size_t largest_upload = 16U << 20U;
/// PVE dies there in its own source, and says so (recorded: proto-25).
constexpr const char* where_json_dies = " at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 917.\n";

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

/// The first line of a message. A status line cannot carry a CR, and PVE gives up there (pve-facts B.3).
void put_reason(net::server_reply& r, const std::string& message) {
    r.reason = message.substr(0, message.find('\n'));
    if (r.reason.find('\r') == std::string::npos) return;
    r.status = 400;
    r.reason = "Bad Request";
    r.body.clear();
}

/// Errors below the API: the message is the body, untyped; some have none, and before 8.3 none has one.
answer plain(const cluster& model, int status, const std::string& message, bool with_body = true) {
    answer a;
    a.reply.status = status;
    if (with_body && has_messages(model.version())) a.reply.body = message;
    put_reason(a.reply, message);
    add_headers(a.reply, model.wall_now());
    return a;
}

class target {
  public:
    std::string format;  ///< "json", "extjs"
    std::string path;    ///< "/nodes/n1/lxc"
    std::string query;
    bool is_api = false;
    bool is_good = false;

    /// "/api2/json/nodes?x=y"
    explicit target(const std::string& whole) {
        const std::size_t mark = whole.find('?');
        path = whole.substr(0, mark);
        if (mark != std::string::npos) query = whole.substr(mark + 1);
        constexpr std::string_view base = "/api2";
        is_api = path == base || path.starts_with("/api2/");
        if (!is_api) return;
        const std::size_t begin = path.find_first_not_of('/', base.size());
        if (begin == std::string::npos) return;
        const std::size_t end = std::min(path.find('/', begin), path.size());
        format = path.substr(begin, end - begin);
        constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz";
        constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyz0123456789";
        is_good = format.size() > 1 && letters.find(format.front()) != std::string_view::npos &&
                  format.find_first_not_of(letters_and_digits) == std::string::npos;
        path = end == path.size() ? "/" : without_double_slashes(path.substr(end));
    }

  private:
    static std::string without_double_slashes(std::string text) {
        const auto both = [](char a, char b) { return a == '/' && b == '/'; };
        text.erase(std::unique(text.begin(), text.end(), both), text.end());
        return text;
    }
};

/// "POST /nodes/n1/storage/local/upload", the only call that takes a form with a file.
bool is_upload(const std::string& method, const std::string& path) {
    if (method != "POST" || !path.starts_with("/nodes/") || !path.ends_with("/upload")) return false;
    return std::count(path.begin(), path.end(), '/') == 5 && path.find("/storage/") == path.find('/', 7);
}

std::string content_kind(const net::http_request& r) {
    std::string type = r.header("Content-Type");
    type.resize(std::min(type.find_first_of("; "), type.size()));
    return type;
}

/// The order of checks is pve-facts B.2's: who cannot be recognised learns nothing about his body.
bool is_known(const cluster& model, const node_name& contacted, const net::http_request& r, const std::string& path) {
    if (api::is_open_to_the_world(model, r.method, path)) return true;
    credentials who;
    who.authorization = r.header("Authorization");
    who.cookie = r.header("Cookie");
    who.csrf = r.header("CSRFPreventionToken");
    const bool needs_csrf = r.method != "GET" && !is_upload(r.method, path);
    return api::authenticate(model, contacted, who, needs_csrf).has_value();
}

/// What its method and transfer coding are refused for, before anybody asks who it is.
std::optional<answer> refuse_at_first_sight(const cluster& model, const net::http_request& r) {
    constexpr std::array<std::string_view, 4> methods = {"GET", "POST", "PUT", "DELETE"};
    if (std::find(methods.begin(), methods.end(), r.method) == methods.end())
        return plain(model, 501, fmt::format("method '{}' not available", r.method), false);
    if (!r.header("Transfer-Encoding").empty()) return plain(model, 501, "chunked transfer encoding not supported");
    return std::nullopt;
}

/// What a body of `announced` bytes is refused for without being read.
std::optional<answer> refuse_body(const cluster& model, const net::http_request& r, const std::string& path,
                                  std::size_t announced) {
    if (announced == 0) return std::nullopt;
    if (r.method != "POST" && r.method != "PUT")
        return plain(model, 501, fmt::format("Unexpected content for method '{}'", r.method));
    const std::string kind = content_kind(r);
    const bool has_file = kind == "multipart/form-data" && is_upload(r.method, path);
    const auto version = model.version();
    const bool is_old = version.is_known() && version < pve::schema::version(8, 4);
    const std::size_t limit = has_file ? largest_upload : is_old ? largest_body_before_8_4 : largest_body;
    if (announced > limit) return plain(model, 501, "for data too large");
    if (!has_file && !kind.empty() && kind != "application/x-www-form-urlencoded" && kind != "application/json")
        return plain(model, 506, fmt::format("upload 'Content-Type '{}' not implemented", r.header("Content-Type")));
    return std::nullopt;
}

/// Adds the body's parameters, query first: that one wins.
void merge(api::parameters& given, api::parameters more) {
    const api::parameters query = given;
    for (auto& one : more) {
        const bool is_in_query =
            std::any_of(query.begin(), query.end(), [&](const auto& q) { return q.first == one.first; });
        if (!is_in_query) given.push_back(std::move(one));
    }
}

std::optional<answer> read_upload(const cluster& model, const net::http_request& r, api::request& call) {
    auto form = read_multipart(r.header("Content-Type"), r.body);
    if (!form) return plain(model, 500, form.error().detail + "\n");
    merge(call.params, std::move(form->fields));
    if (!form->file) return std::nullopt;
    // PVE names the file it wrote by a digest of time and process.
    const std::string name = sha1_hex(fmt::format("{} {}", model.now().time_since_epoch().count(), form->file->name));
    merge(call.params, {{"filename", form->file->name}, {"tmpfilename", "/var/tmp/pveupload-" + name.substr(0, 32)}});
    call.upload = std::move(form->file);
    return std::nullopt;
}

/// What is wrong with the body; nothing when it was read into the call.
std::optional<answer> read_body(const cluster& model, const net::http_request& r, api::request& call) {
    if (r.body.empty()) return std::nullopt;
    const std::string kind = content_kind(r);
    if (kind == "multipart/form-data") return read_upload(model, r, call);
    if (kind != "application/json") {
        merge(call.params, read_form(r.body));
        return std::nullopt;
    }
    auto members = read_json(r.body);
    if (!members) return plain(model, 500, members.error().detail + where_json_dies);
    merge(call.params, std::move(*members));
    return std::nullopt;
}

answer from_api(const cluster& model, const api::reply& given, const net::http_request& r, const std::string& format) {
    answer a;
    a.delay = given.delay;
    a.again = given.what_happens == api::reply::fate::again;
    a.hangs = given.what_happens == api::reply::fate::hang;
    a.reply.drop_connection = given.what_happens == api::reply::fate::drop;
    a.reply.status = given.status;
    a.reply.body = given.body;
    put_reason(a.reply, given.reason);
    if (given.status >= 400 && !has_messages(model.version())) drop_message(a.reply);
    put_into_format(a.reply, format);
    pack(a.reply, r.header("Accept-Encoding"));
    add_headers(a.reply, model.wall_now());
    return a;
}

/// What lies outside of the API: a page of our own, and the words for files that are not there.
answer serve_file(const cluster& model, const node_name& contacted, const net::http_request& r,
                  const std::string& path) {
    if (r.method == "GET" && path == "/") {
        answer a;
        a.reply.body = front_page(contacted.str());
        a.reply.headers.emplace_back("Content-Type", "text/html; charset=utf-8");
        pack(a.reply, r.header("Accept-Encoding"));
        add_headers(a.reply, model.wall_now());
        return a;
    }
    for (const std::string_view folder : {"js/", "css/", "images/", "touch/"}) {
        const std::string base = "/pve2/" + std::string(folder);
        if (r.method == "GET" && path.starts_with(base) && path.find('/', base.size()) == std::string::npos)
            return plain(model, 500,
                         fmt::format("unable to open file '/usr/share/pve-manager/{}{}' - No such file or directory\n",
                                     folder, path.substr(base.size())));
    }
    return plain(model, 501, fmt::format("no such file '{}'\n", path));
}

}  // namespace

answer serve(cluster& model, const node_name& contacted, const net::http_request& r,
             std::optional<time_point> arrived) {
    if (auto refused = refuse_at_first_sight(model, r)) return std::move(*refused);
    const target where(r.target);
    if (!where.is_api) return serve_file(model, contacted, r, where.path);
    api::request call(contacted, r.method, where.path);
    call.arrived = arrived;
    call.who.authorization = r.header("Authorization");
    call.who.cookie = r.header("Cookie");
    call.who.csrf = r.header("CSRFPreventionToken");
    if (!is_known(model, contacted, r, where.path)) return from_api(model, api::handle(model, call), r, where.format);
    const std::size_t announced = std::strtoull(r.header("Content-Length").c_str(), nullptr, 10);
    if (auto refused = refuse_body(model, r, where.path, announced)) return std::move(*refused);
    call.params = read_form(where.query);
    if (auto refused = read_body(model, r, call)) return std::move(*refused);
    if (!where.is_good) return plain(model, 501, fmt::format("no such uri '{}'", r.target));
    if (!is_format(where.format))
        return plain(model, 501, fmt::format("no formatter for uri {}, {}", where.path, where.format));
    return from_api(model, api::handle(model, call), r, where.format);
}

bool wants_body(const cluster& model, const node_name& contacted, const net::http_request& head,
                std::size_t announced) {
    const target where(head.target);
    return where.is_api && !refuse_at_first_sight(model, head) && is_known(model, contacted, head, where.path) &&
           !refuse_body(model, head, where.path, announced);
}

net::server_reply refusal(const cluster& model, int status, std::string reason) {
    return plain(model, status, reason).reply;
}

}  // namespace steward::sim::wire
