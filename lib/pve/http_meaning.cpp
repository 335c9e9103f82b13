#include "pve/http_meaning.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <fmt/core.h>

namespace steward::pve {
namespace json = boost::json;
namespace {

std::string operation(const request& what) { return fmt::format("pve {} {}", http_method(what.what), what.path); }

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// 500 is PVE's universal failure; its text only refines the kind (pve-facts M3).
errc kind_of_refusal(std::string_view words) {
    if (contains(words, "no quorum")) return errc::no_quorum;
    if (contains(words, "does not exist") || contains(words, "no such")) return errc::not_found;
    if (contains(words, "already exists") || contains(words, "File exists")) return errc::exists;
    if (contains(words, "is locked") || contains(words, "can't lock file") ||
        contains(words, "got lock request timeout"))
        return errc::locked;
    if (contains(words, "detected modified configuration")) return errc::changed;
    return errc::refused;
}

errc kind_of(int status, std::string_view words, verb what) {
    switch (status) {
        case 401: return errc::unauthorized;
        case 403: return errc::forbidden;
        case 595: return errc::not_delivered;
        // The proxy lost the answer: a write may have run (pve-facts B.5).
        case 596:
        case 597:
        case 598:
        case 599: return what == verb::get ? errc::not_delivered : errc::outcome_unknown;
        default: break;
    }
    if (status == 400)
        return contains(words, "no such task") || contains(words, "No such storage") ? errc::not_found
                                                                                     : errc::bad_request;
    if (status == 501) return errc::bad_request;
    if (status == 500) return kind_of_refusal(words);
    if (status == 502 || status == 503 || status == 504)
        return what == verb::get ? errc::not_delivered : errc::outcome_unknown;
    return status >= 400 ? errc::refused : errc::garbage;
}

void drop_line_ends(std::string& text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
}

/// Newer versions put the message into the body, older ones only into the reason phrase; parameter errors name fields.
std::string words_of(const reply& answer) {
    std::string words = answer.reason;
    boost::system::error_code ec;
    const json::value body = json::parse(answer.body, ec);
    if (ec || !body.is_object()) return words;
    const json::object& top = body.get_object();
    if (const json::value* message = top.if_contains("message"); message && message->is_string())
        words = std::string(message->get_string());
    drop_line_ends(words);
    if (const json::value* errors = top.if_contains("errors"); errors && errors->is_object())
        for (const auto& [field, text] : errors->get_object())
            words += fmt::format(" {}: {};", std::string_view(field),
                                 text.is_string() ? std::string(text.get_string()) : json::serialize(text));
    return words;
}

}  // namespace

result<json::value> data_of(const reply& answer, const request& what) {
    if (answer.status < 200 || answer.status > 299) {
        std::string words = words_of(answer);
        drop_line_ends(words);
        const errc kind = kind_of(answer.status, words, what.what);
        if (words.empty()) words = fmt::format("HTTP status {}", answer.status);
        fault f(kind, operation(what), std::move(words));
        f.http_status = answer.status;
        return f;
    }
    boost::system::error_code ec;
    json::parse_options options;
    options.max_depth = 32;
    // One block after the other, freed together.
    auto memory = json::make_shared_resource<json::monotonic_resource>();
    json::value body = json::parse(answer.body, ec, std::move(memory), options);
    if (ec) return not_an_envelope(what);
    return envelope_data(std::move(body), what);
}

fault not_an_envelope(const request& what) {
    return fault(what.what == verb::get ? errc::garbage : errc::outcome_unknown, operation(what),
                 "the answer is not PVE's JSON envelope");
}

result<json::value> envelope_data(json::value body, const request& what) {
    if (!body.is_object() || !body.get_object().contains("data")) return not_an_envelope(what);
    return std::move(body.get_object()["data"]);
}

bool is_about_node(int http_status) noexcept { return http_status >= 595 && http_status <= 599; }

}  // namespace steward::pve
