#include "arguments.hpp"
#include "commands.hpp"
#include "completion.hpp"
#include "help.hpp"
#include "simulate.hpp"
#include "watch.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace steward::cli;

int show_help(const arguments& given) {
    const std::string first = given.words.empty() ? "" : given.words[0];
    const bool is_group = !group(first).empty();
    const bool is_whole = given.what != nullptr && !(is_group && given.words.size() == 1);
    std::cout << (is_whole ? help_of(*given.what) : is_group ? help_of_group(first) : help_of_all());
    return 0;
}

int run(const std::vector<std::string>& raw) {
    if (raw.empty()) return std::cout << help_of_all(), 2;
    if (raw.front() == "simulate") return simulate_main({raw.begin() + 1, raw.end()});
    if (raw.front() == "__complete") return complete_main({raw.begin() + 1, raw.end()});
    const arguments given = read_arguments(raw);
    if (given.has("help")) return show_help(given);
    if (given.has("version")) return std::cout << "steward " STEWARD_VERSION "\n", 0;
    if (!given.problem.empty()) {
        std::cerr << "steward: " << given.problem << "\n";
        return given.what != nullptr ? given.what->mistake : 2;
    }
    return run_or_watch(given);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run({argv + 1, argv + argc});
    } catch (const std::exception& e) {
        std::cerr << "steward: " << e.what() << '\n';
        return 1;
    }
}
