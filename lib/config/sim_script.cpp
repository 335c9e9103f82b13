#include "config/sim_script.hpp"

#include "config/yaml_tree.hpp"

#include <algorithm>
#include <charconv>

namespace steward::config {

namespace {

constexpr std::string_view known_keys[] = {"sim",    "id",     "name",  "group",  "base",      "topology",
                                           "params", "script", "until", "expect", "invariants"};

class reader {
  public:
    reader(sim_script& into, const std::string& file) : into_(into), file_(file) {}

    void read(const node& root) {
        if (root.kind != node_kind::map) return complain(root.at, "a scenario is a map with sim: 1 and script:");
        const node* version = nullptr;
        const node* script = nullptr;
        for (std::size_t i = 0; i < root.keys.size(); ++i) {
            const std::string& key = root.keys[i].text;
            if (std::find(std::begin(known_keys), std::end(known_keys), key) == std::end(known_keys))
                complain(root.keys[i].at, "\"" + key + "\" is no key of SIM/1");
            if (key == "sim") version = &root.values[i];
            if (key == "script") script = &root.values[i];
        }
        if (version == nullptr || version->text != "1") complain(root.at, "sim: 1 must say which format this is");
        if (script == nullptr || script->kind != node_kind::sequence)
            return complain(script == nullptr ? root.at : script->at,
                            "script: must be a list of {at: SECONDS, do: [COMMAND]}");
        for (const node& step : script->values) read_step(step);
        std::stable_sort(into_.steps.begin(), into_.steps.end(),
                         [](const sim_step& a, const sim_step& b) { return a.at < b.at; });
    }

    void complain(place at, std::string text) {
        into_.problems.push_back({file_, at.line, at.column, std::move(text)});
    }

  private:
    void read_step(const node& step) {
        if (step.kind != node_kind::map) return complain(step.at, "a step is {at: SECONDS, do: [COMMAND]}");
        sim_step s;
        s.line = step.at.line;
        bool has_time = false;
        for (std::size_t i = 0; i < step.keys.size(); ++i) {
            const node& value = step.values[i];
            if (step.keys[i].text == "at") {
                const auto when = parse_sim_time(value.text);
                has_time = when.has_value();
                s.at = when.value_or(duration());
            } else if (step.keys[i].text == "do")
                read_commands(value, s);
            else
                complain(step.keys[i].at, "\"" + step.keys[i].text + "\" is no key of a step (at, do)");
        }
        if (!has_time) complain(step.at, "at: says when, in seconds");
        if (s.commands.empty()) complain(step.at, "do: says what happens");
        into_.steps.push_back(std::move(s));
    }

    void read_commands(const node& value, sim_step& s) {
        if (value.kind == node_kind::scalar) s.commands.push_back(value.text);
        if (value.kind != node_kind::sequence) return;
        for (const node& command : value.values) {
            if (command.kind == node_kind::scalar)
                s.commands.push_back(command.text);
            else
                complain(command.at, "a command is a text");
        }
    }

    sim_script& into_;
    const std::string& file_;
};

}  // namespace

std::optional<duration> parse_sim_time(std::string_view text) {
    double seconds = 0;
    const char* end = text.data() + text.size();
    const auto [stop, ec] = std::from_chars(text.data(), end, seconds);
    if (ec == std::errc() && stop == end && seconds >= 0 && seconds < 1e9)
        return std::chrono::duration_cast<duration>(std::chrono::duration<double>(seconds));
    const auto d = parse_duration(text);
    if (!d) return std::nullopt;
    return *d;
}

sim_script read_sim_script(std::string_view text, const std::string& file) {
    sim_script script;
    reader r(script, file);
    const yaml_tree tree = read_yaml(text);
    for (const complaint& c : tree.complaints) r.complain(c.at, c.text);
    if (tree.readable) r.read(tree.root);
    std::stable_sort(script.problems.begin(), script.problems.end(),
                     [](const diagnostic& a, const diagnostic& b) { return a.line < b.line; });
    return script;
}

}  // namespace steward::config
