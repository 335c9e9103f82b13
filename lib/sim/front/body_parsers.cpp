#include "sim/front/body_parsers.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::wire {

namespace json = boost::json;

namespace {

std::string decode_word(std::string_view text) {
    std::string plain(text);
    std::replace(plain.begin(), plain.end(), '+', ' ');
    return percent_decode(plain);
}

fault garbage(std::string sentence) { return fault(errc::garbage, "request body", std::move(sentence)); }

std::string text_of(const json::value& value) {
    if (value.is_string()) return std::string(value.get_string());
    if (value.is_bool()) return value.get_bool() ? "1" : "0";
    if (value.is_double()) return fmt::format("{}", value.get_double());
    return json::serialize(value);
}

/// Of one part's headers: the quoted value of `name`, "" without.
std::string attribute(std::string_view header, std::string_view name) {
    const std::string wanted = fmt::format(" {}=\"", name);
    const std::size_t at = header.find(wanted);
    if (at == std::string_view::npos) return {};
    const std::size_t begin = at + wanted.size();
    const std::size_t end = header.find('"', begin);
    return end == std::string_view::npos ? std::string() : std::string(header.substr(begin, end - begin));
}

/// "multipart/form-data; boundary=x" or in quotes.
std::string boundary_of(std::string_view content_type) {
    constexpr std::string_view wanted = "boundary=";
    const std::size_t at = content_type.find(wanted);
    if (at == std::string_view::npos) return {};
    std::string_view rest = content_type.substr(at + wanted.size());
    rest = rest.substr(0, rest.find_first_of("; \t"));
    if (rest.size() > 1 && rest.front() == '"' && rest.back() == '"') rest = rest.substr(1, rest.size() - 2);
    return std::string(rest);
}

/// The line end after `at`: its own length, zero when there is none.
std::size_t line_end(std::string_view text, std::size_t at) {
    if (text.substr(at).starts_with("\r\n")) return 2;
    return text.substr(at).starts_with("\n") ? 1 : 0;
}

/// One part: its headers up to an empty line, then its content.
bool read_part(std::string_view part, form_data& into) {
    std::size_t blank = part.find("\r\n\r\n");
    std::size_t skip = 4;
    if (const std::size_t bare = part.find("\n\n"); bare < blank) {
        blank = bare;
        skip = 2;
    }
    if (blank == std::string_view::npos) return false;
    const std::string_view head = part.substr(0, blank);
    const std::string name = attribute(head, "name");
    if (name.empty()) return false;
    std::string content(part.substr(blank + skip));
    if (head.find(" filename=\"") != std::string_view::npos)
        into.file = api::uploaded_file(attribute(head, "filename"), std::move(content));
    else
        into.fields.emplace_back(name, std::move(content));
    return true;
}

}  // namespace

api::parameters read_form(std::string_view text) {
    api::parameters found;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find_first_of("&;", at), text.size());
        const std::string_view pair = text.substr(at, end - at);
        at = end + 1;
        if (pair.empty()) continue;
        const std::size_t equals = pair.find('=');
        std::string name = decode_word(pair.substr(0, equals));
        if (name == "_dc") continue;
        found.emplace_back(std::move(name),
                           equals == std::string_view::npos ? "" : decode_word(pair.substr(equals + 1)));
    }
    return found;
}

result<api::parameters> read_json(const std::string& text) {
    if (const std::string wrong = json_complaint(text); !wrong.empty()) return garbage(wrong);
    json::parse_options lenient;
    lenient.max_depth = 600;
    lenient.allow_invalid_utf8 = true;
    json::error_code ec;
    const json::value parsed = json::parse(text, ec, json::storage_ptr(), lenient);
    if (ec) return garbage("malformed JSON string");
    if (!parsed.is_object()) return garbage(parsed.is_array() ? "Not a HASH reference" : "Not a reference");
    api::parameters found;
    for (const auto& [name, value] : parsed.get_object()) {
        if (value.is_null()) continue;
        if (!value.is_array()) {
            found.emplace_back(std::string(name), text_of(value));
            continue;
        }
        for (const json::value& element : value.get_array()) found.emplace_back(std::string(name), text_of(element));
    }
    return found;
}

result<form_data> read_multipart(std::string_view content_type, std::string_view body) {
    const std::string boundary = boundary_of(content_type);
    if (boundary.empty()) return garbage("multipart/form-data without a boundary");
    const std::string mark = "--" + boundary;
    form_data found;
    std::size_t at = body.find(mark);
    while (at != std::string_view::npos) {
        at += mark.size();
        if (body.substr(at).starts_with("--")) return found;
        const std::size_t begin = at + line_end(body, at);
        if (begin == at) break;
        std::size_t end = body.find("\n" + mark, begin);
        if (end == std::string_view::npos) break;
        at = end + 1;
        if (end > begin && body[end - 1] == '\r') --end;
        if (!read_part(body.substr(begin, end - begin), found)) break;
    }
    return garbage("multipart/form-data that ends too early");
}

}  // namespace steward::sim::wire
