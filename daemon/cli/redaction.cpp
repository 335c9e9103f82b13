#include "redaction.hpp"

#include "config/effective.hpp"
#include "runtime/atomic_file.hpp"

#include <algorithm>
#include <array>

namespace steward::cli {
namespace {

constexpr std::size_t largest_secret = 64U << 10U;
/// Shorter words would be found everywhere, and are no secrets.
constexpr std::size_t shortest_secret = 4;
constexpr std::string_view redacted = "(redacted)";

void replace_all(std::string& text, const std::string& what) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += redacted.size())
        text.replace(at, what.size(), redacted);
}

bool ends_word(char c) {
    return c == '\n' || c == '\r' || c == ' ' || c == '"' || c == '\'' || c == '&' || c == ';' || c == ',';
}

/// What follows such a word up to the next blank.
void hide_behind(std::string& text, std::string_view mark) {
    for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos;) {
        at += mark.size();
        std::size_t end = at;
        while (end < text.size() && !ends_word(text[end])) ++end;
        if (end > at) text.replace(at, end - at, redacted);
        at += redacted.size();
        if (at > text.size()) return;
    }
}

}  // namespace

void redaction::learn_word(std::string word) {
    if (word.size() >= shortest_secret) secrets_.insert(std::move(word));
}

void redaction::learn_query(const std::string& query) {
    for (std::size_t at = 0; at < query.size();) {
        const std::size_t end = std::min(query.find('&', at), query.size());
        const std::string pair = query.substr(at, end - at);
        learn_word(pair.substr(pair.find('=') + 1));
        at = end + 1;
    }
}

void redaction::learn_file(const std::string& file) {
    const auto read = file.empty() ? result<std::string>(std::string()) : read_file(file, largest_secret);
    if (!read) return;
    // Each line, and of a token what stands behind its name.
    for (std::size_t at = 0; at < read->size();) {
        const std::size_t end = std::min(read->find('\n', at), read->size());
        std::string line = read->substr(at, end - at);
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
        const std::size_t equals = line.find('!') == std::string::npos ? std::string::npos : line.find('=');
        learn_word(equals == std::string::npos ? line : line.substr(equals + 1));
        at = end + 1;
    }
}

void redaction::learn(const std::vector<config::source_text>& sources) {
    for (const config::key_record& k : config::keys_of(sources)) {
        const std::string key = k.path.substr(k.path.find_last_of('.') + 1);
        const bool names_secret = key == "token_file" || key == "password_file" || key == "totp_file" ||
                                  key == "client_key" ||
                                  (key == "file" && k.path.find(".headers.") != std::string::npos);
        const bool may_hold = key == "body" || key == "send" || k.path.find(".headers.") != std::string::npos;
        if (names_secret)
            for (const std::string& file : k.values) learn_file(file);
        else if (may_hold)
            for (const std::string& value : k.values) learn_word(value);
        for (std::string& word : config::passwords_among(k.values)) learn_word(std::move(word));
        const std::size_t query = key == "http" && !k.values.empty() ? k.values.front().find('?') : std::string::npos;
        if (query != std::string::npos) learn_query(k.values.front().substr(query + 1));
    }
}

void redaction::learn(const pve::credential_files& files) {
    for (const std::string& file : {files.token_file, files.password_file, files.totp_file}) learn_file(file);
}

std::string redaction::applied(std::string text) const {
    // The longest first: one may be part of another.
    std::vector<std::string> all(secrets_.begin(), secrets_.end());
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
    for (const std::string& s : all) replace_all(text, s);
    for (const std::string_view mark :
         {"PVEAPIToken=", "PVEAuthCookie=", "CSRFPreventionToken: ", "Authorization: Bearer ", "Authorization: Basic ",
          "password=", "\"password\":\"", "\"ticket\":\""})
        hide_behind(text, mark);
    return text;
}

}  // namespace steward::cli
