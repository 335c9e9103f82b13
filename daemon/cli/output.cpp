#include "output.hpp"

#include "pve/shell/output.hpp"

#include <boost/json/value.hpp>

#include <cstdlib>
#include <iostream>
#include <unistd.h>

namespace steward::cli {

shape shape_of(const arguments& given) {
    const std::string word = given.option("output", "table");
    if (word == "json") return shape::json;
    return word == "yaml" ? shape::yaml : shape::table;
}

void print_answer(const arguments& given, const boost::json::value& answer, std::string_view text) {
    switch (shape_of(given)) {
        case shape::json: std::cout << pve::shell::as_json(answer); break;
        case shape::yaml: std::cout << pve::shell::as_yaml(answer); break;
        case shape::table: std::cout << text; break;
    }
    std::cout << std::flush;
}

bool shows_colour() {
    static const bool shows = [] {
        const char* unwanted = std::getenv("NO_COLOR");
        const char* terminal = std::getenv("TERM");
        const bool is_dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
        return (unwanted == nullptr || *unwanted == '\0') && !is_dumb && ::isatty(STDOUT_FILENO) != 0;
    }();
    return shows;
}

std::string painted(colour c, const std::string& text) {
    if (!shows_colour() || text.empty()) return text;
    const char* code = c == colour::red ? "31" : c == colour::yellow ? "33" : "32";
    return std::string("\x1b[") + code + "m" + text + "\x1b[0m";
}

}  // namespace steward::cli
