#include "api_command.hpp"

#include "api_call.hpp"
#include "api_exit.hpp"
#include "output.hpp"
#include "pve/schema/all_facts.hpp"
#include "pve/shell/assignments.hpp"
#include "pve/shell/describe.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/core.h>
#include <iostream>

namespace steward::cli {
namespace json = boost::json;
namespace shell = pve::shell;
namespace schema = pve::schema;

namespace {

std::string verb_of(const std::string& command) {
    if (command == "get") return "GET";
    if (command == "create") return "POST";
    if (command == "set") return "PUT";
    return command == "delete" ? "DELETE" : "";
}

int refuse_path(const std::string& path) {
    return refuse(fault(errc::invalid, "api", shell::no_such_path(schema::catalogue_of_everything(), path)));
}

json::array verbs_at(const std::string& path) {
    json::array verbs;
    for (const schema::method* m : schema::catalogue_of_everything().verbs_at(path)) verbs.emplace_back(m->verb);
    return verbs;
}

/// "NAME    GET POST"
std::string line_of(const std::string& name, std::size_t width, const json::array& verbs) {
    std::string line = fmt::format("{:<{}}", name, width);
    for (const json::value& v : verbs) line += " " + std::string(v.as_string());
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

int list_children(const arguments& given, const std::string& path) {
    const schema::catalogue& all = schema::catalogue_of_everything();
    const std::vector<std::string> children = all.children_of(path);
    json::array own = verbs_at(path);
    if (children.empty() && own.empty()) return refuse_path(path);
    std::string text = line_of(path.empty() ? "/" : path, 32, own);
    json::array below;
    for (const std::string& child : children) {
        const std::string full = path + "/" + child;
        json::array verbs = verbs_at(full);
        const bool has_more = !all.children_of(full).empty();
        text += "  " + line_of(child + (has_more ? "/" : ""), 30, verbs);
        below.push_back({{"name", child}, {"has_children", has_more}, {"verbs", std::move(verbs)}});
    }
    const json::object answer{
        {"path", path.empty() ? "/" : path}, {"verbs", std::move(own)}, {"children", std::move(below)}};
    print_answer(given, answer, text);
    return 0;
}

int describe_calls(const arguments& given, const std::string& path) {
    const std::vector<const schema::method*> calls = schema::catalogue_of_everything().verbs_at(path);
    if (calls.empty()) return refuse_path(path);
    const std::string wanted = given.words.size() > 3 ? given.words[3] : "";
    bool is_first = true;
    for (const schema::method* m : calls) {
        const bool is_wanted = wanted.empty() || wanted == m->verb || verb_of(wanted) == m->verb;
        if (!is_wanted) continue;
        std::cout << (is_first ? "" : "\n") << shell::describe(*m);
        is_first = false;
    }
    return is_first ? refuse_usage(path + " knows no " + wanted) : 0;
}

}  // namespace

int api_main(const arguments& given) {
    const std::string& command = given.words[1];
    const std::string path = given.words.size() > 2 ? shell::tidy_path(given.words[2]) : "";
    if (command == "ls") return list_children(given, path);
    if (command == "describe") return describe_calls(given, path);
    return make_api_call(given, verb_of(command), path);
}

}  // namespace steward::cli
