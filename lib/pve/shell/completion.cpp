#include "pve/shell/completion.hpp"

#include "pve/shell/assignments.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>

namespace steward::pve::shell {

extern const std::string_view bash_script;  // steward.bash, .zsh and .fish, written by embed.cmake
extern const std::string_view zsh_script;
extern const std::string_view fish_script;

namespace {

using schema::value;
using schema::value_type;

constexpr std::array commands{"create", "delete", "describe", "get", "ls", "set"};

std::string http_verb(std::string_view command) {
    if (command == "get") return "GET";
    if (command == "create") return "POST";
    if (command == "set") return "PUT";
    return command == "delete" ? "DELETE" : "";
}

std::vector<std::string> beginning_with(std::string_view start, std::vector<std::string> all) {
    all.erase(std::remove_if(all.begin(), all.end(), [&](const std::string& s) { return !s.starts_with(start); }),
              all.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

/// "/nodes/n1/lxc" → "n1"; empty for other branches.
std::string_view node_in(std::string_view path) {
    constexpr std::string_view branch = "/nodes/";
    if (!path.starts_with(branch)) return {};
    path.remove_prefix(branch.size());
    return path.substr(0, path.find('/'));
}

/// What fills "{vmid}" below ".../lxc".
std::vector<std::string> names_for(std::string_view placeholder, std::string_view base, const live_names& live) {
    const std::string_view node = node_in(base);
    if (placeholder == "{node}") return live("node", "");
    if (placeholder == "{storage}") return live("storage", node);
    if (placeholder == "{vmid}") return live(base.substr(base.rfind('/') + 1), node);
    return {};
}

std::vector<std::string> complete_path(const std::string& partial, bool is_description, const schema::catalogue& all,
                                       const live_names& live) {
    const std::string path = partial.starts_with('/') ? partial : "/" + partial;
    const std::string base = path.substr(0, path.rfind('/'));
    std::vector<std::string> found;
    for (const std::string& child : all.children_of(base)) {
        std::vector<std::string> names{child};
        if (child.starts_with('{') && !is_description) names = names_for(child, base, live);
        const std::string pattern = base + "/" + child;
        const bool has_more = !all.children_of(pattern).empty();
        for (const std::string& name : names) found.push_back(base + "/" + name + (has_more ? "/" : ""));
    }
    return beginning_with(path, std::move(found));
}

std::vector<std::string> values_of(const value& v, const live_names& live) {
    if (v.type == value_type::boolean) return {"0", "1"};
    if (v.type == value_type::array && !v.members.empty()) return values_of(v.members.front(), live);
    if (!v.choices.empty()) return v.choices;
    if (v.format.starts_with("pve-node")) return live("node", "");
    if (v.format.starts_with("pve-storage-id")) return live("storage", "");
    if (v.format.starts_with("pve-vmid")) return live("guest", "");
    return {};
}

/// Names of one call's parameters that may still be given.
std::vector<std::string> open_names(const schema::matched_call& call, const std::vector<std::string>& given) {
    std::vector<std::string> names;
    for (const value& v : call.what->parameters) {
        const auto is_same = [&](const auto& pair) { return pair.first == v.name; };
        if (std::any_of(call.path.begin(), call.path.end(), is_same)) continue;
        for (unsigned i = 0; i < (v.is_indexed ? 4U : 1U); ++i) {
            std::string word = v.name + (v.is_indexed ? std::to_string(i) : "") + "=";
            const auto begins = [&](const std::string& g) { return g.starts_with(word); };
            // A list may be given again.
            if (v.type == value_type::array || std::none_of(given.begin(), given.end(), begins))
                names.push_back(std::move(word));
        }
    }
    return names;
}

std::vector<std::string> complete_parameter(const std::vector<std::string>& words, const schema::catalogue& all,
                                            const live_names& live) {
    const auto call = all.find(http_verb(words[0]), tidy_path(words[1]));
    if (!call) return {};
    const std::string& partial = words.back();
    const std::size_t equals = partial.find('=');
    if (equals == std::string::npos)
        return beginning_with(partial, open_names(*call, {words.begin() + 2, words.end() - 1}));
    const std::string name = partial.substr(0, equals);
    std::vector<std::string> found;
    for (const value* v : schema::find_values(call->what->parameters, name, {}))
        for (const std::string& text : values_of(*v, live)) found.push_back(name + "=" + text);
    return beginning_with(partial, std::move(found));
}

}  // namespace

std::vector<std::string> complete(const std::vector<std::string>& words, const schema::catalogue& all,
                                  const live_names& live) {
    if (words.empty()) return {commands.begin(), commands.end()};
    if (words.size() == 1) return beginning_with(words[0], {commands.begin(), commands.end()});
    const std::string& command = words[0];
    if (words.size() == 2) return complete_path(words[1], command == "describe", all, live);
    if (command == "describe" && words.size() == 3) {
        std::vector<std::string> verbs;
        for (const schema::method* m : all.verbs_at(tidy_path(words[1]))) verbs.push_back(m->verb);
        return beginning_with(words[2], std::move(verbs));
    }
    if (http_verb(command).empty()) return {};
    return complete_parameter(words, all, live);
}

result<std::string> completion_script(std::string_view shell) {
    if (shell == "bash") return std::string(bash_script);
    if (shell == "zsh") return std::string(zsh_script);
    if (shell == "fish") return std::string(fish_script);
    return fault(errc::invalid, "steward completion", fmt::format("\"{}\" is not bash, zsh or fish", shell));
}

}  // namespace steward::pve::shell
