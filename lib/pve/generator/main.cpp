#include "pve/generator/emit.hpp"
#include "pve/generator/plan.hpp"
#include "pve/schema/facts_text.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

/// steward-pve-generate FACTS DIRECTORY NAME=ROOT…: writes DIRECTORY/pve/api/NAME.hpp and NAME.cpp for each branch. A
/// file that would not change keeps its time, so that what includes it is not compiled again.
namespace steward::pve::generator {

static std::optional<std::string> read_file(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(in), {});
}

static bool write_if_changed(const std::filesystem::path& file, const std::string& text) {
    if (read_file(file) == text) return true;
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << text;
    return static_cast<bool>(out.flush());
}

static int refuse(const std::string& why) {
    fmt::print(stderr, "steward-pve-generate: {}\n", why);
    return 1;
}

static int run(const std::vector<std::string>& arguments) {
    if (arguments.size() < 3) return refuse("usage: steward-pve-generate FACTS DIRECTORY NAME=ROOT…");
    const auto text = read_file(arguments[0]);
    if (!text) return refuse("cannot read " + arguments[0]);
    const auto methods = schema::parse_facts(*text);
    if (!methods) return refuse(arguments[0] + ": " + methods.error().text());
    std::vector<branch_name> branches;
    for (std::size_t i = 2; i < arguments.size(); ++i) {
        const std::size_t equals = arguments[i].find('=');
        if (equals == std::string::npos) return refuse("not NAME=ROOT: " + arguments[i]);
        branch_name b;
        b.name = arguments[i].substr(0, equals);
        b.root = arguments[i].substr(equals + 1);
        branches.push_back(std::move(b));
    }
    const auto plans = make_plan(*methods, branches);
    if (!plans) return refuse(plans.error().text());
    const std::filesystem::path directory = std::filesystem::path(arguments[1]) / "pve" / "api";
    std::filesystem::create_directories(directory);
    bool is_written = write_if_changed(directory / "everything.hpp", umbrella_of(*plans)) &&
                      write_if_changed(directory / "registry.cpp", registry_of(*plans)) &&
                      write_if_changed(directory / "coverage.md", coverage_of(*plans));
    for (const branch_plan& b : *plans)
        is_written = is_written && write_if_changed(directory / (b.name + ".hpp"), header_of(b, *plans)) &&
                     write_if_changed(directory / (b.name + ".cpp"), source_of(b, *plans));
    if (!is_written) return refuse("cannot write below " + directory.string());
    return 0;
}

}  // namespace steward::pve::generator

int main(int argc, char** argv) {
    try {
        return steward::pve::generator::run(std::vector<std::string>(argv + 1, argv + argc));
    } catch (const std::exception& e) {
        return steward::pve::generator::refuse(e.what());
    }
}
