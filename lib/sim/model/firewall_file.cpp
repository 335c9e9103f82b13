#include "sim/model/firewall_file.hpp"

#include "base/sha1.hpp"
#include "sim/model/firewall_options.hpp"
#include "sim/model/firewall_text.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <set>

namespace steward::sim {

namespace {

constexpr std::size_t longest_group_name = 18;
constexpr std::size_t longest_set_name = 64;

/// Reads one file from the top; which section a line belongs to is what the lines above said.
class reader {
  public:
    reader(firewall_scope scope, const firewall_file* cluster, firewall_file& into)
        : scope_(scope), names_{cluster != nullptr ? cluster : &into, &into}, file_(into) {}

    void line(std::string_view text) {
        if (text.empty() || text.front() == '#') return;
        if (text.front() == '[' && opens_section(text)) return;
        switch (section_) {
            case section::none: break;
            case section::options: option(text); break;
            case section::aliases: alias(text); break;
            case section::set: member(text); break;
            case section::rules: rule(text, scope_, file_.rules); break;
            case section::group: rule(text, firewall_scope::group, group_->rules); break;
        }
    }

  private:
    enum class section { none, options, aliases, set, rules, group };

    [[nodiscard]] bool has_names() const { return scope_ != firewall_scope::node && scope_ != firewall_scope::vnet; }

    bool opens_section(std::string_view text) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return false;
        const std::string head = lower(text.substr(1, end - 1));
        const std::string_view rest = trimmed(text.substr(end + 1));
        if (rest.empty() && (head == "options" || head == "rules" || (head == "aliases" && has_names()))) {
            section_ = head == "options" ? section::options : head == "rules" ? section::rules : section::aliases;
            return true;
        }
        if (!rest.empty() && rest.front() != '#') return false;
        const std::size_t blank = head.find_first_of(" \t");
        if (blank == std::string::npos) return false;
        const std::string name(trimmed(std::string_view(head).substr(blank)));
        const std::string comment(rest.empty() ? rest : trimmed(rest.substr(1)));
        if (head.starts_with("ipset") && has_names()) return open_set(name, comment);
        if (head.starts_with("group") && scope_ == firewall_scope::cluster) return open_group(name, comment);
        return false;
    }

    bool open_set(const std::string& name, const std::string& comment) {
        section_ = section::none;
        if (name.size() > longest_set_name || !is_firewall_name(name)) return true;
        section_ = section::set;
        set_ = &file_.sets[name];
        set_->members.clear();
        if (is_perl_true(comment)) set_->comment = comment;
        members_.clear();
        return true;
    }

    bool open_group(const std::string& name, const std::string& comment) {
        section_ = section::none;
        if (name.size() > longest_group_name || !is_firewall_name(name)) return true;
        section_ = section::group;
        group_ = &file_.groups[name];
        group_->rules.clear();
        if (is_perl_true(comment)) group_->comment = comment;
        return true;
    }

    void option(std::string_view text) {
        const auto read = read_firewall_option(scope_, text);
        if (read) file_.options[read->first] = read->second;
    }

    void alias(std::string_view text) {
        const auto [what, comment] = split_comment(text);
        const std::size_t blank = what.find_first_of(" \t");
        if (blank == std::string_view::npos) return;
        firewall_alias a;
        a.name = what.substr(0, blank);
        a.cidr = what.substr(blank + 1);
        if (a.cidr.find_first_of(" \t") != std::string::npos || !is_address(a.cidr)) return;
        a.cidr = without_full_prefix(a.cidr);
        a.ip_version = a.cidr.find(':') == std::string::npos ? 4 : 6;
        if (is_perl_true(comment)) a.comment = comment;
        file_.aliases[lower(a.name)] = std::move(a);
    }

    void member(std::string_view text) {
        const auto [what, comment] = split_comment(text);
        firewall_member m;
        std::string_view cidr = what;
        m.is_exception = !cidr.empty() && cidr.front() == '!';
        if (m.is_exception) cidr = trimmed(cidr.substr(1));
        m.cidr = cidr;
        if (is_perl_true(comment)) m.comment = comment;
        if (const auto name = split_alias(m.cidr)) {
            if (find_alias(names_, *name) == nullptr)
                m.errors["cidr"] = fmt::format("no such alias '{}'", name->second);
        } else if (is_address(m.cidr)) {
            m.cidr = without_full_prefix(m.cidr);
        } else {
            m.errors["cidr"] = "value does not look like a valid IP address or CIDR network";
        }
        if (!members_.insert(m.cidr).second && m.errors.empty())
            m.errors["cidr"] = fmt::format("duplicate ipset entry for '{}'", m.cidr);
        if (has_zero_prefix(m.cidr)) m.errors["cidr"] = "a zero prefix is not allowed in ipset entries\n";
        set_->members.push_back(std::move(m));
    }

    void rule(std::string_view text, firewall_scope scope, std::vector<firewall_rule>& into) const {
        auto r = firewall_rule::parse(text);
        if (!r) return;
        for (const firewall_problem& p : check_rule(*r, scope, names_)) {
            if (p.part.empty()) return;
            r->errors.emplace(p.part, p.text);
        }
        into.push_back(std::move(*r));
    }

    firewall_scope scope_;
    firewall_names names_;
    firewall_file& file_;
    section section_ = section::none;
    firewall_set* set_ = nullptr;
    firewall_group* group_ = nullptr;
    std::set<std::string> members_;  ///< of the set that is being read
};

void add_comment(std::string& out, const std::string& comment) {
    if (is_perl_true(comment) && !trimmed(comment).empty()) out += " # " + comment;
}

void add_head(std::string& out, const char* what, const std::string& name, const std::string& comment) {
    out += fmt::format("[{} {}]", what, name);
    if (is_perl_true(comment)) out += " # " + comment;
    out += "\n\n";
}

void add_set(std::string& out, const std::string& name, const firewall_set& set) {
    add_head(out, "IPSET", name, set.comment);
    std::map<std::string_view, const firewall_member*> sorted;  // of two equal ones the first stays
    for (const firewall_member& m : set.members) sorted.emplace(m.cidr, &m);
    for (const auto& [cidr, m] : sorted) {
        if (m->is_exception) out += '!';
        out += cidr;
        add_comment(out, m->comment);
        out += '\n';
    }
    out += '\n';
}

}  // namespace

firewall_file firewall_file::parse(std::string_view text, firewall_scope scope, const firewall_file* cluster) {
    firewall_file file;
    reader from(scope, cluster, file);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        from.line(trimmed(text.substr(at, end - at)));
        at = end + 1;
    }
    return file;
}

std::string firewall_file::text() const {
    std::string out;
    if (!options.empty()) {
        out += "[OPTIONS]\n\n";
        for (const auto& [key, value] : options) out += fmt::format("{}: {}\n", key, value);
        out += '\n';
    }
    if (!aliases.empty()) {
        out += "[ALIASES]\n\n";
        for (const auto& [key, a] : aliases) {
            out += fmt::format("{} {}", a.name, a.cidr);
            add_comment(out, a.comment);
            out += '\n';
        }
        out += '\n';
    }
    for (const auto& [name, set] : sets) add_set(out, name, set);
    if (!rules.empty()) {
        out += "[RULES]\n\n";
        for (const firewall_rule& r : rules) out += r.text(true) + '\n';
        out += '\n';
    }
    for (const auto& [name, group] : groups) {
        add_head(out, "group", name, group.comment);
        for (const firewall_rule& r : group.rules) out += r.text(false) + '\n';
        out += '\n';
    }
    return out;
}

const firewall_alias* firewall_file::alias(std::string_view name) const {
    const auto found = aliases.find(lower(name));
    return found == aliases.end() ? nullptr : &found->second;
}

std::string firewall_digest(const std::vector<std::map<std::string, std::string>>& rows) {
    std::string all;
    for (const auto& row : rows)
        for (const auto& [key, value] : row) all.append(key).append(":").append(value).append("\n");
    return sha1_hex(all);
}

}  // namespace steward::sim
