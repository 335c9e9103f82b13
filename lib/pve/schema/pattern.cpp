#include "pve/schema/pattern.hpp"

// Bounds what one match may cost: hostile text against nested repetition gives up after some ten milliseconds.
#define BOOST_REGEX_MAX_STATE_COUNT 1000000
#include <boost/regex.hpp>

#include <functional>
#include <map>
#include <mutex>
#include <optional>

namespace steward::pve::schema {

namespace {

/// Perl prints a compiled pattern with its flags reset, "(?^i:"; Boost spells that "(?i-…:". "{,8}" has no lower end
/// there, and "\0" would begin an octal number.
std::string rewritten(std::string_view perl) {
    std::string to;
    for (std::size_t at = 0; at < perl.size();) {
        const std::string_view rest = perl.substr(at);
        const auto replace = [&](std::string_view from, std::string_view by) {
            if (!rest.starts_with(from)) return false;
            to += by;
            at += from.size();
            return true;
        };
        if (replace("(?^:", "(?-i:") || replace("(?^u:", "(?-i:") || replace("(?^i:", "(?i:") || replace("{,", "{0,"))
            continue;
        if (rest.size() > 2 && rest.starts_with("\\0") && (rest[2] < '0' || rest[2] > '7')) {
            replace("\\0", "\\x00");
            continue;
        }
        const std::size_t count = rest.front() == '\\' && rest.size() > 1 ? 2 : 1;
        to += rest.substr(0, count);
        at += count;
    }
    return to;
}

std::optional<boost::regex> compile(std::string_view pattern) {
    try {
        return boost::regex("(?:" + rewritten(pattern) + ")", boost::regex::perl);
    } catch (const boost::regex_error&) {
        return std::nullopt;
    }
}

/// Compiled once each. Entries stay where they are, so that matching needs no lock.
const std::optional<boost::regex>& compiled(std::string_view pattern) {
    static std::mutex guard;
    static std::map<std::string, std::optional<boost::regex>, std::less<>> known;
    const std::lock_guard lock(guard);
    auto found = known.find(pattern);
    if (found == known.end()) found = known.emplace(std::string(pattern), compile(pattern)).first;
    return found->second;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
    if (text.size() > longest_matched) return false;
    const auto& usable = compiled(pattern);
    if (!usable) return true;
    const auto how = boost::regex_constants::match_single_line | boost::regex_constants::match_not_dot_newline;
    try {
        return boost::regex_match(text.begin(), text.end(), *usable, how);
    } catch (const std::runtime_error&) {  // too complex, or out of its stack
        return false;
    }
}

bool is_usable_pattern(std::string_view pattern) { return compiled(pattern).has_value(); }

}  // namespace steward::pve::schema
