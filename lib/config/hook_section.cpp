#include "config/hook_section.hpp"

#include <fmt/core.h>

namespace steward::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_hooks = 16;

void read_hook(const node& n, const std::string& path, bool can_forbid, std::vector<hook>& into, complaints& to,
               std::vector<named_file>& files) {
    section s(&n, path, to);
    if (!s.usable()) return;
    hook h;
    const node* const command = s.texts("command", [&](const std::string& word) {
        h.command.push_back(word);
        return result<void>();
    });
    const bool is_absolute = !h.command.empty() && h.command.front().starts_with('/');
    if (!command)
        s.complain(s.at(), "command", "is missing (command: [/usr/local/lib/steward/drain, --now])");
    else if (!is_absolute)
        s.complain(command->at, "command", "begins with an absolute path; there is no shell");
    s.time("timeout", h.timeout, {1s, 10min});
    const node* const required = s.boolean("required", h.is_required);
    if (required && !can_forbid) s.complain(required->at, "required", "only what comes before something can forbid it");
    s.finish();
    if (command && is_absolute) files.emplace_back(command->at, s.path_of("command"), h.command.front(), false);
    into.push_back(std::move(h));
}

void read_list(section& s, std::string_view key, bool can_forbid, std::vector<hook>& into, complaints& to,
               std::vector<named_file>& files) {
    const node* const n = s.take(key);
    if (!n || n->kind == node_kind::refused) return;
    if (n->kind != node_kind::sequence)
        return s.complain(n->at, key, "is not a list of programs (- command: [/usr/local/lib/steward/drain, --now])");
    for (std::size_t i = 0; i < n->values.size(); ++i)
        read_hook(n->values[i], fmt::format("{}[{}]", s.path_of(key), i), can_forbid, into, to, files);
    if (into.size() > most_hooks)
        s.complain(n->at, key, fmt::format("there are {} of them for one guest; at most {}", into.size(), most_hooks));
}

void read_set(const node* n, const std::string& path, hook_set& into, complaints& to, std::vector<named_file>& files) {
    section s(n, path, to);
    read_list(s, "pre", true, into.pre, to, files);
    read_list(s, "post", false, into.post, to, files);
    read_list(s, "failed", false, into.failed, to, files);
    s.finish();
}

}  // namespace

void read_hooks(const node* n, const std::string& path, hooks& into, complaints& to, std::vector<named_file>& files) {
    section s(n, path, to);
    read_set(s.take("restart"), s.path_of("restart"), into.restart, to, files);
    read_set(s.take("handover"), s.path_of("handover"), into.handover, to, files);
    s.finish();
}

}  // namespace steward::config
