#include "pve/wire_trace.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <fmt/core.h>

namespace steward::pve {
namespace json = boost::json;
namespace {

const char* const hidden = "…";
constexpr std::size_t longest_answer = 4096;
constexpr std::size_t longest_parsed = 1U << 20U;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string percent_decode(std::string_view text) {
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_escape =
            text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0;
        if (!is_escape) {
            out += text[i] == '+' ? ' ' : text[i];
            continue;
        }
        out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
        i += 2;
    }
    return out;
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the answer, and Boost.JSON refuses more than 32 levels
void redact(json::value& v, std::string_view path) {
    if (json::array* const rows = v.if_array())
        for (json::value& row : *rows) redact(row, path);
    json::object* const fields = v.if_object();
    if (!fields) return;
    // PVE lists configurations as {key, value} rows; there the name that counts is a value.
    const json::value* const name = fields->if_contains("key");
    const bool is_row = name && name->is_string() && fields->contains("value");
    const bool is_secret_row = is_row && is_secret_name(std::string_view(name->get_string()), path);
    for (auto& [key, value] : *fields) {
        const bool is_name = is_row && key == "key";
        const bool is_secret = is_secret_name(key, path) || (is_secret_row && (key == "value" || key == "pending"));
        if (is_secret && !is_name && !value.is_null())
            value = hidden;
        else
            redact(value, path);
    }
}

/// No line breaks and other control characters: one exchange is one line.
std::string printable(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return text;
}

}  // namespace

bool is_secret_name(std::string_view name, std::string_view path) {
    const std::string key = lower(name);
    if (key == "tokenid" || key == "full-tokenid") return false;
    static constexpr std::array parts = {"password", "passwd",  "passphrase", "ticket",   "csrf",      "secret",
                                         "token",    "sshkeys", "challenge",  "recovery", "credential"};
    static constexpr std::array ends = {"key", "keys", "keyring", "otp"};
    // A remote migration's target-endpoint holds an API token, OpenID's code is one.
    static constexpr std::array whole = {"target-endpoint", "code", "ssh-public-keys"};
    static constexpr std::array plain = {"value", "data", "content", "input-data", "header"};
    static constexpr std::array plain_where = {"/access/", "/acme/", "/notifications/", "/agent/"};
    const auto any = [](const auto& list, const auto& test) { return std::any_of(list.begin(), list.end(), test); };
    const auto is_it = [&](const char* word) { return key == word; };
    return any(parts, [&](const char* part) { return contains(key, part); }) ||
           any(ends, [&](const char* end) { return key.ends_with(end); }) || any(whole, is_it) ||
           (any(plain, is_it) && any(plain_where, [&](const char* part) { return contains(path, part); }));
}

std::string redact_form(std::string_view form, std::string_view path) {
    std::string out;
    while (!form.empty()) {
        const std::size_t end = std::min(form.find('&'), form.size());
        const std::string_view pair = form.substr(0, end);
        form.remove_prefix(std::min(end + 1, form.size()));
        const std::size_t split = pair.find('=');
        if (!out.empty()) out += '&';
        if (split == std::string_view::npos) {
            out += pair;
            continue;
        }
        const bool is_secret = is_secret_name(percent_decode(pair.substr(0, split)), path);
        out += pair.substr(0, split + 1);
        out += is_secret ? std::string_view(hidden) : pair.substr(split + 1);
    }
    return out;
}

std::string redact_json(std::string_view body, std::string_view path) {
    if (body.empty()) return {};
    boost::system::error_code ec;
    json::value parsed;
    if (body.size() <= longest_parsed) parsed = json::parse(body, ec);
    if (ec || body.size() > longest_parsed)
        return fmt::format("({} bytes that are {})", body.size(), ec ? "not JSON" : "not shown");
    redact(parsed, path);
    std::string text = json::serialize(parsed);
    if (text.size() <= longest_answer) return text;
    text.resize(longest_answer);
    return text + hidden;
}

std::string redact_headers(const net::http_headers& headers) {
    std::string out;
    for (const auto& [name, value] : headers) {
        const std::string key = lower(name);
        const bool is_secret = key == "authorization" || key == "cookie" || key == "set-cookie" ||
                               key == "csrfpreventiontoken" || key == "proxy-authorization";
        out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", name, is_secret ? hidden : value);
    }
    return out;
}

wire_record record_of(const net::http_request& request, const result<net::http_response>& answer, bool with_bodies) {
    wire_record r;
    r.method = request.method;
    const std::size_t question = std::min(request.target.find('?'), request.target.size());
    r.path = request.target.substr(0, question);
    r.sent = request.body.size();
    if (answer) {
        r.status = answer->status;
        r.reason = answer->reason;
        r.received = answer->body.size();
    } else {
        r.reason = fmt::format("{}: {}", name_of(answer.error().code), answer.error().detail);
    }
    if (!with_bodies) return r;
    const std::string query = question < request.target.size() ? request.target.substr(question + 1) : std::string();
    r.params = redact_form(query.empty() ? request.body : query, r.path);
    r.headers = redact_headers(request.headers);
    if (answer) r.answer = redact_json(answer->body, r.path);
    return r;
}

std::string to_line(const wire_record& r) {
    std::string out = fmt::format("{} {} status={} reason=\"{}\" sent={} received={} took={} endpoint={}", r.method,
                                  r.path, r.status, r.reason, r.sent, r.received,
                                  format_duration(std::chrono::floor<std::chrono::milliseconds>(r.took)), r.endpoint);
    for (const auto& [name, text] :
         {std::pair("params", &r.params), std::pair("headers", &r.headers), std::pair("answer", &r.answer)})
        if (!text->empty()) out += fmt::format(" {}={}", name, *text);
    return printable(std::move(out));
}

}  // namespace steward::pve
