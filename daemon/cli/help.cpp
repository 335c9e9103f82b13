#include "help.hpp"

#include "commands.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::cli {
namespace {

constexpr std::size_t width = 100;

/// A text in lines of that width at most; each but the first begins with `indent` blanks.
std::string wrapped(std::string_view text, std::size_t begun_at, std::size_t indent) {
    std::string out;
    std::size_t column = begun_at;
    while (!text.empty()) {
        const std::size_t blank = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, blank);
        if (column + word.size() > width && column > indent) {
            out += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (!out.empty()) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
        text.remove_prefix(std::min(blank + 1, text.size()));
    }
    return out;
}

/// "  left    right", the right side wrapped below itself.
std::string two_columns(std::string_view left, std::string_view right, std::size_t middle) {
    // fmt counts letters, size() bytes: only what is in doubt gets a line of its own.
    const std::string begin = fmt::format("  {:<{}}", left, middle - 2);
    if (left.size() + 2 > middle)
        return fmt::format("  {}\n", left) + std::string(middle, ' ') + wrapped(right, middle, middle) + "\n";
    return begin + wrapped(right, middle, middle) + "\n";
}

}  // namespace

std::vector<std::string_view> about_words() {
    return {"GUEST is ct/101 or vm/200. OBJECT is cluster, node/n2 or a GUEST.",
            "GUESTS are several: ct/101, 100-110, @tag-web, @pool-prod, @node-n2, @all, web-*; a dash before one takes "
            "it away "
            "again: @all -ct/105.",
            "TIME is a number with a unit: 90s, 5m, 2h, 14d.",
            "An option may be written --name VALUE or --name=VALUE, before or after the words; what stands behind a "
            "lone -- are "
            "words."};
}

std::string help_of_all() {
    constexpr std::size_t middle = 38;
    std::string out = "steward: looks after the guests of a Proxmox VE cluster\n";
    std::string_view topic;
    for (const command& c : all_commands()) {
        if (c.topic != topic) out += fmt::format("\n{}:\n", topic = c.topic);
        out += two_columns(with_operands(c), c.summary, middle);
    }
    out += "\n";
    for (const std::string_view paragraph : about_words()) out += wrapped(paragraph, 0, 0) + "\n";
    return out + "\nsteward COMMAND --help shows a command's options; steward --version the version. docs/cli.md\n";
}

std::string help_of_group(std::string_view first) {
    std::string out;
    for (const command* c : group(first)) out += two_columns("steward " + with_operands(*c), c->summary, 40);
    return out + fmt::format("\nsteward {} COMMAND --help shows a command's options.\n", first);
}

std::string help_of(const command& c) {
    std::string out = wrapped(synopsis(c), 0, 8) + "\n\n";
    std::string summary(c.summary);
    out += wrapped(summary, 0, 0) + "\n";
    if (!c.more.empty()) out += "\n" + wrapped(c.more, 0, 0) + "\n";
    if (!c.options.empty()) out += "\nOptions:\n";
    for (const option& o : c.options) out += two_columns(spelled(o), o.help, 34);
    if (!c.examples.empty()) out += "\nExamples:\n";
    for (const std::string_view e : c.examples) out += fmt::format("  {}\n", e);
    if (!c.exits.empty()) out += "\nExit status:\n";
    for (const std::string_view e : c.exits) out += fmt::format("  {}\n", e);
    return out;
}

}  // namespace steward::cli
