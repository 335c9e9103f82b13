#include "api_command.hpp"

#include "api_call.hpp"
#include "api_exit.hpp"
#include "pve/schema/all_facts.hpp"
#include "pve/shell/assignments.hpp"
#include "pve/shell/describe.hpp"

#include <fmt/core.h>
#include <iostream>

namespace steward::cli {
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

/// "NAME    GET POST"
std::string line_of(const std::string& name, std::size_t width, const std::string& path) {
    std::string line = fmt::format("{:<{}}", name, width);
    for (const schema::method* m : schema::catalogue_of_everything().verbs_at(path)) line += " " + m->verb;
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

int list_children(const std::string& path) {
    const schema::catalogue& all = schema::catalogue_of_everything();
    const std::vector<std::string> children = all.children_of(path);
    if (children.empty() && all.verbs_at(path).empty()) return refuse_path(path);
    std::cout << line_of(path.empty() ? "/" : path, 32, path);
    for (const std::string& child : children) {
        const std::string below = path + "/" + child;
        std::cout << "  " << line_of(child + (all.children_of(below).empty() ? "" : "/"), 30, below);
    }
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
    if (given.words.size() < 3 && !(given.words.size() == 2 && given.words[1] == "ls"))
        return refuse_usage("steward api takes get, create, set, delete, ls or describe, and a path");
    const std::string& command = given.words[1];
    const std::string path = given.words.size() > 2 ? shell::tidy_path(given.words[2]) : "";
    if (command == "ls") return list_children(path);
    if (command == "describe") return describe_calls(given, path);
    if (verb_of(command).empty()) return refuse_usage("unknown api command \"" + command + "\"");
    return make_api_call(given, verb_of(command), path);
}

}  // namespace steward::cli
