#include "pve/schema/all_facts.hpp"

#include "pve/schema/facts_text.hpp"

#include <stdexcept>

namespace steward::pve::schema {

extern const std::string_view pve_facts;  // written by embed.cmake

std::string_view all_facts_text() { return pve_facts; }

const catalogue& catalogue_of_everything() {
    static const catalogue all = [] {
        auto read = parse_facts(pve_facts);
        // Part of the program, and a test reads all of it.
        if (!read) throw std::logic_error(read.error().text());
        return catalogue(std::move(*read));
    }();
    return all;
}

}  // namespace steward::pve::schema
