#include "arguments.hpp"

#include "commands.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::cli {
namespace {

using texts = std::vector<std::string_view>;

bool is_small_number(const std::string& word) {
    return !word.empty() && word.size() <= 2 &&
           std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "-o" and "-h" in full. A command that has no shapes of output writes to what -o names.
std::string in_full(const std::string& word, bool is_file = false) {
    if (word == "-o") return is_file ? "--out" : "--output";
    return word == "-h" ? "--help" : word;
}

/// The option of `word` and what stands behind its '='.
class split_option {
  public:
    explicit split_option(const std::string& word) {
        const std::size_t equal = word.find('=');
        name = word.substr(2, equal == std::string::npos ? equal : equal - 2);
        has_value = equal != std::string::npos;
        if (has_value) value = word.substr(equal + 1);
    }
    std::string name;
    std::string value;
    bool has_value = false;
};

bool takes_next(const option& o, const std::vector<std::string>& raw, std::size_t at) {
    if (o.value.empty() || at + 1 >= raw.size()) return false;
    return !o.may_lack_value || is_small_number(raw[at + 1]);
}

/// Words and options apart, whatever the command. `--help` and `--version` belong to all of them.
class sorted_words {
  public:
    explicit sorted_words(const std::vector<std::string>& raw) {
        const bool writes_file = std::find(raw.begin(), raw.end(), "support-bundle") != raw.end();
        for (std::size_t i = 0; i < raw.size(); ++i) {
            const std::string word = in_full(raw[i], writes_file);
            if (word == "--") {
                words.insert(words.end(), raw.begin() + static_cast<std::ptrdiff_t>(i) + 1, raw.end());
                return;
            }
            if (!word.starts_with("--")) {
                words.push_back(word);
                continue;
            }
            split_option given(word);
            const option* known = find_any_option(given.name);
            if (known != nullptr && !given.has_value && takes_next(*known, raw, i)) {
                given.value = raw[++i];
                given.has_value = true;
            }
            options.push_back(std::move(given));
        }
    }
    std::vector<std::string> words;
    std::vector<split_option> options;
};

texts names_of_first_words() {
    texts names;
    for (const command& c : all_commands())
        if (names.empty() || names.back() != first_word(c)) names.push_back(first_word(c));
    return names;
}

std::string listed(const texts& names) {
    std::string out;
    for (const std::string_view n : names) out += (out.empty() ? "" : ", ") + std::string(n);
    return out;
}

std::string did_you_mean(std::string_view word, const texts& known, const char* dashes = "") {
    const std::string near = closest(word, known);
    return near.empty() ? "" : fmt::format("; did you mean {}{}?", dashes, near);
}

/// Why no command was found.
std::string no_such_command(const std::vector<std::string>& words) {
    if (words.empty()) return "a command is missing; steward --help shows them";
    texts verbs;
    for (const command* c : group(words[0])) verbs.push_back(second_word(*c));
    if (verbs.empty())
        return fmt::format("there is no command \"{}\"{} (steward --help)", words[0],
                           did_you_mean(words[0], names_of_first_words()));
    if (words.size() == 1)
        return fmt::format("{} takes one of {} (steward {} --help)", words[0], listed(verbs), words[0]);
    return fmt::format("{} takes one of {}, not \"{}\"{} (steward {} --help)", words[0], listed(verbs), words[1],
                       did_you_mean(words[1], verbs), words[0]);
}

std::string unknown_option(const command& c, const split_option& given) {
    texts known;
    for (const option& o : c.options) known.push_back(o.name);
    texts others;
    for (const command& other : all_commands())
        if (find_option(other, given.name) != nullptr) others.push_back(other.name);
    std::string why = fmt::format("{} has no option --{}", c.name, given.name);
    if (others.size() > 4) others.resize(4), others.emplace_back("…");
    if (const std::string near = did_you_mean(given.name, known, "--"); !near.empty())
        why += near;
    else if (!others.empty())
        why += " (it belongs to " + listed(others) + ")";
    return fmt::format("{} (steward {} --help)", why, c.name);
}

/// "text" → "table", where that is an old word for it.
std::string newest_word(const option& o, const std::string& value) {
    for (const std::string_view pair : choices_of(o.old_choices)) {
        const std::size_t equal = pair.find('=');
        if (pair.substr(0, equal) == value) return std::string(pair.substr(equal + 1));
    }
    return value;
}

std::string not_a_choice(std::string_view what, std::string_view choices, const std::string& value) {
    const texts all = choices_of(choices);
    return fmt::format("{} takes one of {}, not \"{}\"{}", what, listed(all), value, did_you_mean(value, all));
}

/// What is wrong with that option; empty when it was taken.
std::string take_option(arguments& into, const option& o, const split_option& given) {
    const std::string name = "--" + given.name;
    if (o.value.empty() && given.has_value) return name + " takes no value";
    if (!o.value.empty() && !given.has_value && !o.may_lack_value)
        return fmt::format("{} needs a value: {}", name, spelled(o));
    if (!given.has_value) return into.options.try_emplace(given.name, o.value.empty() ? "yes" : ""), "";
    const std::string value = newest_word(o, given.value);
    const texts all = choices_of(o.choices);
    if (o.kind == word_kind::choice && std::find(all.begin(), all.end(), value) == all.end())
        return not_a_choice(o.name == "output" ? "-o" : name, o.choices, value);
    std::string& held = into.options[given.name];
    held = o.is_repeated && !held.empty() ? held + "," + value : value;
    return {};
}

std::string wrong_words(const arguments& given) {
    const command& c = *given.what;
    const auto& takes = c.operands;
    const std::size_t own = second_word(c).empty() || given.words.size() == 1 ? 1 : 2;
    const std::size_t count = given.words.size() - own;
    const auto needed = static_cast<std::size_t>(
        std::count_if(takes.begin(), takes.end(), [](const operand& o) { return !o.is_optional; }));
    if (count < needed)
        return fmt::format("{} needs {}: steward {} (and --help)", c.name, takes[count].name, with_operands(c));
    const bool is_endless = !takes.empty() && takes.back().is_repeated;
    if (count > takes.size() && !is_endless)
        return fmt::format("{} takes no \"{}\": steward {} (and --help)", c.name, given.words[own + takes.size()],
                           with_operands(c));
    for (std::size_t i = 0; i < std::min(count, takes.size()); ++i) {
        const texts all = choices_of(takes[i].choices);
        const std::string& word = given.words[own + i];
        if (!all.empty() && std::find(all.begin(), all.end(), word) == all.end())
            return not_a_choice(c.name, takes[i].choices, word);
    }
    return {};
}

}  // namespace

std::string arguments::option(const std::string& name, const std::string& otherwise) const {
    const auto it = options.find(name);
    return it == options.end() ? otherwise : it->second;
}

arguments read_arguments(const std::vector<std::string>& raw) {
    const sorted_words sorted(raw);
    arguments out;
    out.words = sorted.words;
    const auto word = [&](std::size_t i) { return i < out.words.size() ? std::string_view(out.words[i]) : ""; };
    if (!out.words.empty()) out.what = find_command(word(0), word(1));
    const auto note = [&](std::string why) {
        if (out.problem.empty()) out.problem = std::move(why);
    };
    if (out.what == nullptr) note(no_such_command(out.words));
    for (const split_option& given : sorted.options) {
        const bool is_everywhere = given.name == "help" || given.name == "version";
        // Before its command is known an option is taken as any command's: completion begins with less than a whole
        // call.
        const cli::option* known =
            out.what != nullptr ? find_option(*out.what, given.name) : find_any_option(given.name);
        if (is_everywhere && !given.has_value)
            out.options[given.name] = "yes";
        else if (known != nullptr)
            note(take_option(out, *known, given));
        else if (out.what != nullptr)
            note(unknown_option(*out.what, given));
    }
    if (out.what != nullptr) note(wrong_words(out));
    return out;
}

unfinished_arguments read_unfinished(std::vector<std::string> raw) {
    unfinished_arguments out;
    if (raw.empty()) return out;
    out.partial = std::move(raw.back());
    raw.pop_back();
    if (!raw.empty() && in_full(raw.back()).starts_with("--")) {
        const split_option last(in_full(raw.back()));
        const option* known = find_any_option(last.name);
        if (known != nullptr && !last.has_value && !known->value.empty() && !known->may_lack_value) {
            out.option = last.name;
            raw.pop_back();
        }
    }
    out.before = read_arguments(raw);
    return out;
}

}  // namespace steward::cli
