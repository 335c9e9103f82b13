#include "ledger_command.hpp"

#include "api/ledger_view.hpp"
#include "api_exit.hpp"
#include "base/clean_text.hpp"
#include "base/ids.hpp"
#include "config/load.hpp"
#include "control_client.hpp"
#include "daemon_commands.hpp"
#include "observe/ledger_files.hpp"
#include "output.hpp"
#include "runtime/time_source.hpp"
#include "text_table.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <charconv>
#include <filesystem>
#include <fmt/core.h>
#include <iostream>
#include <optional>
#include <vector>

namespace steward::cli {
namespace json = boost::json;
namespace {

constexpr std::size_t widest_text = 240;
constexpr const char* default_file = "/etc/steward/steward.yaml";

/// In one line, whatever a guest's name or a hook's output made of it.
std::string text(const json::object& o, std::string_view key) {
    const json::value* v = o.if_contains(key);
    if (v == nullptr || v->is_null()) return {};
    const std::string all = v->is_string() ? std::string(v->get_string()) : json::serialize(*v);
    return one_line(all, widest_text);
}

/// "held ← suspect", "stop: ok", "arm"
std::string what_happened(const json::object& d) {
    const std::string kind = text(d, "kind");
    const std::string from = text(d, "from");
    const std::string to = text(d, "to");
    if (kind == "transition" || (kind == "hold" && from != to)) return from + " → " + to;
    if (kind == "order") return "order " + text(d, "code");
    if (kind == "file") return "file " + text(d, "file");
    return to.empty() ? kind : fmt::format("{} in {}", kind, to);
}

/// Names of the gates that were closed: those that a reader looks for.
std::string closed_gates(const json::object& d) {
    const json::value* gates = d.if_contains("gates");
    std::string out;
    if (gates == nullptr || !gates->is_array()) return out;
    for (const json::value& v : gates->get_array()) {
        if (!v.is_object()) continue;
        const json::value* passes = v.get_object().if_contains("passes");
        if (passes != nullptr && passes->is_bool() && !passes->get_bool())
            out += (out.empty() ? "" : ", ") + text(v.get_object(), "gate");
    }
    return out;
}

std::string why(const json::object& d) {
    std::string out = text(d, "text");
    const std::string code = text(d, "code");
    const bool shows_code = !code.empty() && text(d, "kind") != "order" && out.find(code) == std::string::npos;
    if (shows_code) out = out.empty() ? code : code + ": " + out;
    if (!text(d, "by").empty()) out += fmt::format("{}by {}", out.empty() ? "" : ", ", text(d, "by"));
    if (const std::string n = text(d, "repeats"); !n.empty()) out += fmt::format(" ({} times more before)", n);
    if (text(d, "verdict") == "hold")
        if (const std::string closed = closed_gates(d); !closed.empty()) out += fmt::format(" [closed: {}]", closed);
    return out;
}

std::string render_page(const json::object& page, bool names_object) {
    std::string out = render_decisions(page.at("decisions").as_array(), names_object);
    if (out.empty()) out = "nothing has been decided\n";
    if (const std::string bad = text(page, "unreadable"); bad != "0" && !bad.empty())
        out += fmt::format("{} lines are not readable; see steward ledger --verify\n", bad);
    if (const std::string problem = text(page, "problem"); !problem.empty())
        out += fmt::format("nothing can be written now: {}\n", problem);
    return out;
}

std::string render_check(const json::object& check) {
    std::string out;
    if (const std::string broken = text(check, "broken"); !broken.empty()) out += "BROKEN " + broken + "\n";
    out += fmt::format("{} lines in {} file(s) follow one another, number {} to {}\n", text(check, "lines"),
                       text(check, "files"), text(check, "first"), text(check, "last"));
    const std::string anchor = text(check, "anchor");
    out += anchor.find_first_not_of('0') == std::string::npos
               ? std::string("nothing was rotated away before them\n")
               : fmt::format("older ones were rotated away; they ended with {}\n", anchor);
    out += fmt::format("the last one is {}\n", text(check, "head"));
    if (const std::string note = text(check, "note"); !note.empty()) out += note + "\n";
    return out;
}

/// "ct/101" as it stands in the ledger, "cluster", "node/n2".
result<std::string> object_of(const arguments& given) {
    if (given.words.size() < 2) return std::string();
    const std::string& word = given.words[1];
    if (word == "cluster") return word;
    if (word.starts_with("node/")) {
        const auto node = parse_node_name(word.substr(5));
        return node ? result<std::string>(word) : result<std::string>(node.error());
    }
    const auto guest = parse_guest_id(word);
    return guest ? result<std::string>(to_string(*guest)) : result<std::string>(guest.error());
}

result<std::int64_t> last_of(const arguments& given) {
    const std::string word = given.option("last", given.has("since") ? "10000" : "100");
    std::int64_t number = 0;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), number);
    if (read.ec != std::errc() || read.ptr != word.data() + word.size() || number < 1 ||
        number > api::most_ledger_lines)
        return fault(errc::invalid, "--last", fmt::format("is between 1 and {}", api::most_ledger_lines));
    return number;
}

/// Where the daemon of this configuration keeps it.
std::filesystem::path directory_of(const arguments& given) {
    if (given.has("dir")) return given.option("dir", "");
    const auto loaded = config::load_file(given.option("config", default_file));
    return std::filesystem::path(loaded.values.state_dir) / "ledger";
}

result<json::object> from_files(const arguments& given, const std::string& about, std::int64_t last) {
    const std::filesystem::path directory = directory_of(given);
    if (given.has("verify")) {
        const auto check = ledger_files::verify(directory);
        if (!check) return check.error();
        return api::ledger_check_view(*check);
    }
    ledger_query query(about, static_cast<std::size_t>(last));
    const os_time time;
    if (given.has("since")) {
        const auto when = parse_since(given.option("since", ""), time.wall_now());
        if (!when) return when.error();
        query.since = *when;
    }
    const auto page = ledger_files::read(directory, query);
    if (!page) return page.error();
    return api::ledger_view(*page);
}

json::object question_for(const arguments& given, const std::string& about, std::int64_t last) {
    if (given.has("verify")) return {{"do", "ledger-verify"}};
    return {{"do", "ledger"}, {"about", about}, {"last", last}, {"since", given.option("since", "")}};
}

}  // namespace

std::string render_decisions(const json::array& decisions, bool names_object) {
    std::vector<std::vector<std::string>> rows{{"WHEN"}};
    if (names_object) rows[0].emplace_back("ABOUT");
    for (const char* head : {"WHAT", "VERDICT", "WHY"}) rows[0].emplace_back(head);
    for (const json::value& v : decisions) {
        if (!v.is_object()) continue;
        const json::object& d = v.get_object();
        std::vector<std::string> row{text(d, "when")};
        if (names_object) row.push_back(text(d, "about"));
        row.push_back(what_happened(d));
        const std::string begins = text(d, "begins");
        row.push_back(begins.empty() ? text(d, "verdict") : text(d, "verdict") + ": " + begins);
        row.push_back(why(d));
        rows.push_back(std::move(row));
    }
    return rows.size() == 1 ? std::string() : table(rows);
}

int run_ledger(const arguments& given) {
    const auto about = object_of(given);
    if (!about) return refuse_usage(about.error().text());
    const auto last = last_of(given);
    if (!last) return refuse_usage(last.error().text());
    const bool is_check = given.has("verify");
    if (is_check && (!about->empty() || given.has("since")))
        return refuse_usage("--verify follows the whole chain: it takes no object and no --since");
    if (given.has("since"))
        if (const auto when = parse_since(given.option("since", ""), wall_time{}); !when)
            return refuse_usage("--since: " + when.error().detail);
    result<json::object> answer = fault(errc::unavailable, "");
    if (!given.has("dir"))
        answer = ask_daemon(given.option("socket", default_socket), question_for(given, *about, *last));
    const bool reads_files = !answer && answer.error().code == errc::unavailable;
    if (reads_files && !given.has("dir"))
        std::cerr << "steward: no daemon answers; reading " << directory_of(given).string() << '\n';
    if (reads_files) answer = from_files(given, *about, *last);
    if (!answer) {
        std::cerr << "steward: " << answer.error().text() << '\n';
        return reads_files || answer.error().code == errc::forbidden ? 3 : 1;
    }
    std::string words;
    if (is_for_people(given)) words = is_check ? render_check(*answer) : render_page(*answer, about->empty());
    print_answer(given, *answer, words);
    return is_check && !answer->at("whole").as_bool() ? 2 : 0;
}

}  // namespace steward::cli
