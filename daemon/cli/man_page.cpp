#include "man_page.hpp"

#include "commands.hpp"
#include "help.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::cli {
namespace {

/// A backslash, a dash, and a dot or an apostrophe at the beginning of a line mean something to roff.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool is_first = out.empty() || out.back() == '\n';
        if (is_first && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
    }
    return out;
}

std::string page_name(const command& c) {
    std::string name = "steward-" + std::string(c.name);
    std::replace(name.begin(), name.end(), ' ', '-');
    return name;
}

std::string head(const std::string& name, std::string_view summary) {
    return fmt::format(".TH \"{}\" 1 \"\" \"steward {}\" \"Steward\"\n.SH NAME\n{} \\- {}\n", escaped(name),
                       STEWARD_VERSION, escaped(name), escaped(summary));
}

std::string term(std::string_view word, std::string_view meaning) {
    return fmt::format(".TP\n\\fB{}\\fR\n{}\n", escaped(word), escaped(meaning));
}

std::string files() {
    return ".SH FILES\n" + term("/etc/steward/steward.yaml", "what is looked after, and how") +
           term("/run/steward/control.sock", "where stewardd listens") +
           term("/usr/share/doc/steward", "all that there is to read about it");
}

std::string exit_section(const std::vector<std::string_view>& exits) {
    std::string out = exits.empty() ? "" : ".SH EXIT STATUS\n";
    for (const std::string_view e : exits) {
        const std::size_t blank = std::min(e.find(' '), e.size());
        out += term(e.substr(0, blank), e.substr(std::min(blank + 1, e.size())));
    }
    return out;
}

}  // namespace

std::string man_page_of_all() {
    std::string out = head("steward", "looks after the guests of a Proxmox VE cluster");
    out += ".SH SYNOPSIS\n\\fBsteward\\fR \\fICOMMAND\\fR [\\fIWORDS\\fR] [\\fIOPTIONS\\fR]\n";
    std::string_view topic;
    for (const command& c : all_commands()) {
        if (c.topic != topic) out += fmt::format(".SH \"{}\"\n", escaped(topic = c.topic));
        out += fmt::format(".TP\n\\fB{}\\fR(1)\n{}\n", escaped(page_name(c)), escaped(c.summary));
    }
    out += ".SH WORDS\n";
    for (const std::string_view paragraph : about_words()) out += ".PP\n" + escaped(paragraph) + "\n";
    out += ".SH ENVIRONMENT\n" + term("NO_COLOR", "when it is set and not empty, nothing is coloured");
    return out + files();
}

std::string man_page_of(const command& c) {
    std::string out = head(page_name(c), c.summary);
    out += ".SH SYNOPSIS\n" + escaped(synopsis(c)) + "\n";
    if (!c.more.empty()) out += ".SH DESCRIPTION\n" + escaped(c.more) + "\n";
    if (!c.options.empty()) out += ".SH OPTIONS\n";
    for (const option& o : c.options) out += term(spelled(o), o.help);
    if (!c.examples.empty()) out += ".SH EXAMPLES\n";
    for (const std::string_view e : c.examples) out += ".PP\n.nf\n" + escaped(e) + "\n.fi\n";
    return out + exit_section(c.exits) + ".SH SEE ALSO\n\\fBsteward\\fR(1)\n";
}

std::vector<std::pair<std::string, std::string>> all_man_pages() {
    std::vector<std::pair<std::string, std::string>> pages{{"steward.1", man_page_of_all()}};
    for (const command& c : all_commands()) pages.emplace_back(page_name(c) + ".1", man_page_of(c));
    return pages;
}

}  // namespace steward::cli
