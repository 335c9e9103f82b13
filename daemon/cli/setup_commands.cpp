#include "setup_commands.hpp"

#include "api_exit.hpp"
#include "cluster_options.hpp"
#include "commands.hpp"
#include "config/load.hpp"
#include "man_page.hpp"
#include "output.hpp"
#include "pve/shell/completion.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/core.h>
#include <fstream>
#include <iostream>

namespace steward::cli {
namespace json = boost::json;

int check_config(const arguments& given) {
    const std::string file = given.words.size() > 1 ? given.words[1] : default_config;
    const auto loaded = config::load_file(file);
    json::array problems;
    for (const auto& p : loaded.problems) {
        std::cerr << to_string(p) << '\n';
        problems.emplace_back(to_string(p));
    }
    const bool is_good = problems.empty();
    std::size_t guests = 0;
    std::size_t selectors = 0;
    for (const config::settings& s : loaded.clusters) {
        guests += s.guests.size();
        selectors += s.sections.size();
    }
    const json::object answer{{"file", file},     {"good", is_good},        {"clusters", loaded.clusters.size()},
                              {"guests", guests}, {"selectors", selectors}, {"problems", std::move(problems)}};
    std::string text = fmt::format("{}: good, {} guest(s)", file, guests);
    if (selectors != 0) text += fmt::format(", {} selector(s) for more", selectors);
    if (loaded.clusters.size() > 1) text += fmt::format(", in {} clusters", loaded.clusters.size());
    text = is_good ? text + "\n" : "";
    print_answer(given, answer, text);
    return is_good ? 0 : 1;
}

int print_completion(const arguments& given) {
    const auto script = pve::shell::completion_script(given.words[1]);
    if (!script) return refuse_usage(script.error().text());
    std::cout << *script;
    return 0;
}

namespace {

int write_pages(const std::string& directory) {
    for (const auto& [name, text] : all_man_pages()) {
        const std::string file = directory + "/" + name;
        std::ofstream out(file, std::ios::binary);
        out << text;
        out.close();
        if (!out) return refuse(fault(errc::io, file, "cannot be written; is the directory there?"));
    }
    return 0;
}

}  // namespace

int print_man(const arguments& given) {
    if (given.has("into")) return write_pages(given.option("into", "."));
    if (given.words.size() == 1) return std::cout << man_page_of_all(), 0;
    const std::string second = given.words.size() > 2 ? given.words[2] : "";
    const command* c = find_command(given.words[1], second);
    if (c == nullptr || given.words.size() > 3)
        return refuse_usage(
            fmt::format("there is no command \"{}{}{}\"", given.words[1], second.empty() ? "" : " ", second));
    std::cout << man_page_of(*c);
    return 0;
}

}  // namespace steward::cli
