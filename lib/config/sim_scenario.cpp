#include "config/sim_scenario.hpp"

#include "config/yaml_tree.hpp"

#include <algorithm>

namespace steward::config {

namespace {

/// Splits at blanks outside of [], {} and ().
std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    std::string word;
    int depth = 0;
    for (const char c : text) {
        if (c == '[' || c == '{' || c == '(') ++depth;
        if (c == ']' || c == '}' || c == ')') --depth;
        if (c == ' ' && depth <= 0) {
            if (!word.empty()) words.push_back(std::move(word));
            word.clear();
        } else {
            word += c;
        }
    }
    if (!word.empty()) words.push_back(std::move(word));
    return words;
}

/// "[n3,n1]" → "n3,n1"
std::string without_brackets(std::string text) {
    const bool has = text.size() >= 2 &&
                     ((text.front() == '[' && text.back() == ']') || (text.front() == '{' && text.back() == '}'));
    return has ? text.substr(1, text.size() - 2) : text;
}

class reader {
  public:
    reader(sim_scenario& into, const std::string& file) : into_(into), file_(file) {}

    void read(const node& root) {
        if (root.kind != node_kind::map) return;  // read_sim_script has said so
        for (std::size_t i = 0; i < root.keys.size(); ++i) {
            const std::string& key = root.keys[i].text;
            const node& value = root.values[i];
            if (std::string* text = text_of(key))
                read_text(key, value, *text);
            else if (key == "topology")
                read_topology(value);
            else if (key == "params")
                flatten(value, "", into_.params);
            else if (key == "until")
                read_until(value);
            else if (key == "expect")
                read_expectations(value);
            else if (key == "invariants" && value.text != "all")
                complain(value.at, "invariants: all is the only choice: none of them is optional");
        }
        if (into_.id.empty()) complain(root.at, "id: names the scenario, like A01");
        if (into_.expect.empty()) complain(root.at, "expect: says what must be seen");
    }

  private:
    std::string* text_of(const std::string& key) {
        if (key == "id") return &into_.id;
        if (key == "name") return &into_.name;
        if (key == "group") return &into_.group;
        if (key == "base") return &into_.base;
        return nullptr;
    }

    void read_text(const std::string& key, const node& value, std::string& into) {
        if (value.kind != node_kind::scalar) return complain(value.at, key + ": is a text");
        into = value.text;
    }

    /// A name from the catalogue with words behind it ("c3 leader=n1 off"), or a map.
    void read_topology(const node& value) {
        if (value.kind == node_kind::scalar) {
            const auto words = words_of(value.text);
            for (const std::string& word : words) {
                if (&word == &words.front()) {
                    into_.topology = word;
                    continue;
                }
                const std::size_t equals = word.find('=');
                const std::string right = equals == std::string::npos ? "" : word.substr(equals + 1);
                into_.settings.emplace_back(word.substr(0, equals), without_brackets(right), value.at.line);
            }
            return;
        }
        if (value.kind != node_kind::map) return complain(value.at, "topology: is a name like c3, or a map");
        flatten(value, "", into_.settings);
        for (const sim_setting& s : into_.settings)
            if (s.key == "name") into_.topology = s.value;
        std::erase_if(into_.settings, [](const sim_setting& s) { return s.key == "name"; });
    }

    void flatten(const node& value, const std::string& path, std::vector<sim_setting>& into) {
        if (value.kind == node_kind::map) {
            for (std::size_t i = 0; i < value.keys.size(); ++i)
                flatten(value.values[i], path.empty() ? value.keys[i].text : path + "." + value.keys[i].text, into);
            return;
        }
        std::string text = value.text;
        if (value.kind == node_kind::sequence)
            for (const node& item : value.values) text += (text.empty() ? "" : ",") + item.text;
        into.emplace_back(path, without_brackets(std::move(text)), value.at.line);
    }

    void read_until(const node& value) {
        const auto when = parse_sim_time(value.text);
        if (!when) return complain(value.at, "until: is a number of seconds");
        into_.until = *when;
    }

    void read_expectations(const node& value) {
        if (value.kind != node_kind::sequence) return complain(value.at, "expect: is a list of lines");
        for (const node& line : value.values) {
            if (line.kind == node_kind::scalar)
                into_.expect.emplace_back(line.text, line.at.line);
            else
                complain(line.at, "an expectation is a text");
        }
    }

    void complain(place at, std::string text) {
        into_.problems.push_back({file_, at.line, at.column, std::move(text)});
    }

    sim_scenario& into_;
    const std::string& file_;
};

}  // namespace

sim_scenario read_sim_scenario(std::string_view text, const std::string& file) {
    sim_scenario scenario;
    scenario.script = read_sim_script(text, file);
    const yaml_tree tree = read_yaml(text);
    if (tree.readable) reader(scenario, file).read(tree.root);
    scenario.problems.insert(scenario.problems.end(), scenario.script.problems.begin(), scenario.script.problems.end());
    std::stable_sort(scenario.problems.begin(), scenario.problems.end(),
                     [](const diagnostic& a, const diagnostic& b) { return a.line < b.line; });
    return scenario;
}

}  // namespace steward::config
