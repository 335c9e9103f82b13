#include "sim/recorded_request.hpp"

#include <algorithm>

namespace steward::sim::recorded {

namespace {

/// "group=x&comment=aaa...(614416)" was 614416 bytes, all like the last one.
std::string unabridged(const std::string& text) {
    const std::size_t dots = text.find("...(");
    if (dots == std::string::npos || dots == 0 || !text.ends_with(')')) return text;
    std::string whole = text.substr(0, dots);
    whole.resize(std::max(whole.size(), static_cast<std::size_t>(std::stoul(text.substr(dots + 4)))), text[dots - 1]);
    return whole;
}

bool has(const row& r, const std::string& name) {
    return std::any_of(r.headers.begin(), r.headers.end(), [&](const auto& h) { return h.first == name; });
}

/// Parts of a form are lines with CR and LF; other bodies were one line, and are kept as the row has them.
std::string body_of(const row& r) {
    std::string body = unabridged(r.body);
    const bool is_form = std::any_of(r.headers.begin(), r.headers.end(),
                                     [](const auto& h) { return h.second.starts_with("multipart/"); });
    if (!is_form && !has(r, "Transfer-Encoding")) return body;
    std::string out;
    for (const char c : body + "\n") out += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return out;
}

}  // namespace

std::string request_bytes(const row& r) {
    if (r.target.empty()) return r.method + "\r\n\r\n";
    const bool is_old = r.target.ends_with(" HTTP/1.0");
    std::string text = r.method + " " + r.target + (is_old ? "\r\n" : " HTTP/1.1\r\n");
    text += "Host: 127.0.0.1:8006\r\nUser-Agent: capture/1\r\n";
    if (!is_old && !has(r, "Connection")) text += "Connection: close\r\n";
    if (r.has_credentials) text += std::string("Authorization: ") + root_token + "\r\n";
    for (const auto& [name, value] : r.headers) text += name + ": " + unabridged(value) + "\r\n";
    const std::string body = body_of(r);
    const bool is_write = r.method == "POST" || r.method == "PUT";
    if ((is_write || !body.empty()) && !has(r, "Content-Type"))
        text += "Content-Type: application/x-www-form-urlencoded\r\n";
    if ((is_write || !body.empty()) && !has(r, "Transfer-Encoding"))
        text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
}

std::vector<std::string> header_names_of(const std::string& kind) {
    std::vector<std::string> names = {"Cache-Control", "Connection", "Date", "Pragma", "Server", "Expires"};
    std::string more = kind;
    if (kind == "json") more = "Content-Length+Content-Type";
    if (kind == "text") more = "Content-Length";
    if (kind == "bare") more.clear();
    for (std::size_t at = 0; at < more.size();) {
        const std::size_t end = std::min(more.find('+', at), more.size());
        names.push_back(more.substr(at, end - at));
        at = end + 1;
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace steward::sim::recorded
