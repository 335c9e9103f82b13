#include "sim/api/row_text.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>

#include <algorithm>
#include <charconv>

namespace steward::sim::api {

void row_text::begin() {
    body_ += is_first_row_ ? "{" : ",{";
    is_first_row_ = false;
    is_first_key_ = true;
}

void row_text::key(std::string_view name) {
    body_ += is_first_key_ ? "\"" : ",\"";
    is_first_key_ = false;
    body_ += name;
    body_ += "\":";
}

void row_text::text(std::string_view name, std::string_view value) {
    key(name);
    const bool is_plain = std::all_of(value.begin(), value.end(), [](char c) {
        const auto u = static_cast<unsigned char>(c);
        return u >= 0x20 && u < 0x7f && c != '"' && c != '\\';
    });
    if (!is_plain) {
        body_ += boost::json::serialize(boost::json::string_view(value.data(), value.size()));
        return;
    }
    body_ += '"';
    body_ += value;
    body_ += '"';
}

void row_text::number(std::string_view name, std::uint64_t value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    raw(name, std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

void row_text::raw(std::string_view name, std::string_view value) {
    key(name);
    body_ += value;
}

void row_text::row(const boost::json::object& whole) {
    if (!is_first_row_) body_ += ',';
    is_first_row_ = false;
    body_ += boost::json::serialize(whole);
}

reply row_text::as_reply() && {
    reply r;
    r.body = std::move(body_);
    r.body += "]}";
    return r;
}

}  // namespace steward::sim::api
