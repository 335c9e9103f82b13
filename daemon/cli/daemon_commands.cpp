#include "daemon_commands.hpp"

#include "api_exit.hpp"
#include "base/ids.hpp"
#include "control_client.hpp"
#include "output.hpp"
#include "render.hpp"
#include "waiting.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <functional>
#include <iostream>

namespace steward::cli {
namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds between_looks{200};

/// One question to the daemon, and its answer in the shape that was asked for.
int ask(const arguments& given, json::object question, const std::function<std::string(const json::object&)>& render,
        const std::function<int(const json::object&)>& status_of) {
    if (given.has("cluster")) question["cluster"] = given.option("cluster", "");
    const auto answer = ask_daemon(given.option("socket", default_socket), question);
    if (!answer) {
        std::cerr << "steward: " << answer.error().text() << '\n';
        return answer.error().code == errc::unavailable || answer.error().code == errc::forbidden ? 3 : 1;
    }
    print_answer(given, *answer, is_for_people(given) ? render(*answer) : "");
    return status_of(*answer);
}

int always_zero(const json::object&) { return 0; }
std::string render_mode(const json::object& status) {
    return "mode " + std::string(status.at("mode").as_string()) + "\n";
}
std::string render_ordered(const json::object&) { return "ordered; steward why GUEST tells how it goes\n"; }

bool is_resting(const std::string& state) {
    for (const char* s : {"done", "held", "rolled_back", "aborted_safe", "failed_parked", "watching", "operator_moved",
                          "disabled", "frozen"})
        if (state == s) return true;
    return false;
}

/// Prints each phase as it begins, until the guest rests; 0 only for `done`. To programs standard output is left to the
/// answer.
int wait_for_end(const arguments& given) {
    json::object question{{"do", "why"}, {"guest", given.words[1]}};
    if (given.has("cluster")) question["cluster"] = given.option("cluster", "");
    std::ostream& log = is_for_people(given) ? std::cout : std::cerr;
    std::string last;
    for (bool has_begun = false;;) {
        const auto answer = ask_daemon(given.option("socket", default_socket), question);
        if (!answer) {
            std::cerr << "steward: " << answer.error().text() << '\n';
            return 3;
        }
        const std::string state(answer->at("state").as_string());
        if (state != last) log << state << ": " << std::string(answer->at("reason").as_string()) << std::endl;
        last = state;
        has_begun = has_begun || !is_resting(state);
        if (has_begun && is_resting(state)) return state == "done" ? 0 : 2;
        if (!has_begun && state == "held") return 2;
        wait_a_while(between_looks);
    }
}

/// The name once more, by hand: a slip of the tongue must not cost a guest.
std::string typed_again(const arguments& given, const std::string& question) {
    if (given.has("confirm")) return given.option("confirm", "");
    std::cerr << question << " Type it again: " << std::flush;
    std::string line;
    std::getline(std::cin, line);
    return line;
}

json::array words_from(const arguments& given, std::size_t first) {
    json::array all;
    for (std::size_t i = first; i < given.words.size(); ++i) all.emplace_back(given.words[i]);
    return all;
}

/// What is answered about each of several guests, one below the other.
std::string render_each(const json::object& answer, std::string (*render)(const json::object&)) {
    std::string all;
    for (const json::value& one : answer.at("guests").as_array())
        all += (all.empty() ? "" : "\n") + render(one.as_object());
    return all;
}

int ask_about_several(const arguments& given, json::object question) {
    question["guests"] = words_from(given, 1);
    if (given.words[0] == "why")
        return ask(
            given, question, [](const json::object& o) { return render_each(o, render_guest); }, always_zero);
    return ask(
        given, question, [](const json::object& o) { return render_each(o, render_plan); },
        [](const json::object& o) {
            for (const json::value& plan : o.at("guests").as_array())
                if (!plan.as_object().at("possible").as_bool()) return 1;
            return 0;
        });
}

}  // namespace

int run_status(const arguments& given) {
    json::object question{{"do", "status"}};
    if (given.words.size() > 1) question["guests"] = words_from(given, 1);
    return ask(given, question, render_status, exit_code_of);
}

int run_mode_command(const arguments& given) {
    return ask(given, {{"do", given.words[0]}, {"now", given.has("now")}}, render_mode, always_zero);
}

int run_guest_command(const arguments& given) {
    const std::string& command = given.words[0];
    const auto guest = parse_guest_id(given.words[1]);
    const bool takes_several = command == "why" || command == "plan";
    if (!guest && !takes_several) return refuse_usage(guest.error().text());
    json::object question{{"do", command}};
    if (guest) question["guest"] = to_string(*guest);
    if (given.has("to")) question["to"] = given.option("to", "");
    if (given.has("force")) question["force"] = true;
    if (given.has("token")) question["token"] = given.option("token", "");
    if (command == "approve" && given.has("issue")) {
        question["do"] = "approval-token";
        const auto print = [](const json::object& o) { return std::string(o.at("token").as_string()) + "\n"; };
        return ask(given, question, print, always_zero);
    }
    if (!guest || given.words.size() > 2) return ask_about_several(given, std::move(question));
    if (command == "why") return ask(given, question, render_guest, always_zero);
    if (command == "plan")
        return ask(given, question, render_plan,
                   [](const json::object& plan) { return plan.at("possible").as_bool() ? 0 : 1; });
    const int asked = ask(given, question, render_ordered, always_zero);
    if (asked != 0 || !given.has("wait")) return asked;
    return wait_for_end(given);
}

int run_pause_command(const arguments& given) {
    const std::string& command = given.words[0];
    if (given.words.size() == 1) return ask(given, {{"do", "status"}}, render_pauses, always_zero);
    const std::string& object = given.words[1];
    json::object question{{"do", command == "resume" ? "resume" : "pause"}, {"object", object}};
    const bool is_one = object == "cluster" || object.starts_with("node/") || parse_guest_id(object);
    if (!is_one || given.words.size() > 2) question["guests"] = words_from(given, 1);
    if (command == "maintenance" && !given.words[1].starts_with("node/"))
        return refuse_usage("maintenance is of a node: node/NAME");
    if (command == "maintenance") question["kind"] = "maintenance";
    if (given.has("for")) question["for"] = given.option("for", "");
    if (given.has("reason")) question["reason"] = given.option("reason", "");
    return ask(given, question, render_pauses, always_zero);
}

int run_fence_confirm(const arguments& given) {
    const std::string& node = given.words[1];
    const std::string again = typed_again(
        given,
        node + " must be off, and stay off until somebody has looked at it; if it is not, guests will run twice.");
    return ask(
        given, {{"do", "fence-confirm"}, {"object", node}, {"confirm", again}},
        [](const json::object&) { return std::string("noted; its guests are brought back where that is possible\n"); },
        always_zero);
}

int run_parked_command(const arguments& given) {
    const std::string verb = given.words.size() > 1 ? given.words[1] : "list";
    if (verb == "list") return ask(given, {{"do", "parked-list"}}, render_parked, always_zero);
    json::object question{{"do", "parked-" + verb}, {"object", given.words[2]}};
    if (verb == "remove")
        question["confirm"] = typed_again(
            given, given.words[2] + " is removed for ever; its disks stay, but nothing tells whose they are.");
    return ask(
        given, question,
        [&](const json::object&) { return given.words[2] + (verb == "remove" ? " removed\n" : " restored\n"); },
        always_zero);
}

}  // namespace steward::cli
