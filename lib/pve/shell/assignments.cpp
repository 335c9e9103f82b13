#include "pve/shell/assignments.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::pve::shell {

namespace {

/// PVE takes only 1 and 0 (pve-facts B.2); what is no word for truth goes to the checker as it is.
std::string as_truth(const std::string& text) {
    for (const char* yes : {"yes", "true", "on", "Yes", "True", "On"})
        if (text == yes) return "1";
    for (const char* no : {"no", "false", "off", "No", "False", "Off"})
        if (text == no) return "0";
    return text;
}

bool is_truth(const schema::method& what, const std::string& name) {
    for (const schema::value* v : schema::find_values(what.parameters, name, {}))
        if (v->type != schema::value_type::boolean) return false;
    return !schema::find_values(what.parameters, name, {}).empty();
}

}  // namespace

result<schema::parameters> read_assignments(const std::vector<std::string>& words, const schema::method& what,
                                            const text_source& files) {
    const std::vector<std::string> in_path = schema::path_parameters(what.path);
    schema::parameters given;
    for (const std::string& word : words) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos || equals == 0)
            return fault(errc::invalid, "steward api", fmt::format("\"{}\" is not NAME=VALUE", word));
        std::string name = word.substr(0, equals);
        if (std::find(in_path.begin(), in_path.end(), name) != in_path.end())
            return fault(errc::invalid, "steward api", name + " is given by the path already");
        std::string value = word.substr(equals + 1);
        if (value == "-" || value.starts_with('@')) {
            const auto text = files(value == "-" ? value : value.substr(1));
            if (!text) return text.error();
            value = *text;
            while (value.ends_with('\n')) value.pop_back();
        }
        if (is_truth(what, name)) value = as_truth(value);
        given.emplace_back(std::move(name), std::move(value));
    }
    return given;
}

std::string tidy_path(std::string_view text) {
    std::string path;
    for (const char c : text)
        if (c != '/' || (!path.empty() && path.back() != '/')) path += c;
    while (path.ends_with('/')) path.pop_back();
    return path.empty() ? path : "/" + path;
}

}  // namespace steward::pve::shell
