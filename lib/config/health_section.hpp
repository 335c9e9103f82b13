#pragma once
#include "config/section.hpp"
#include "config/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace steward::config {

/// A name under `parents`, and where it stands.
class parent_word {
  public:
    parent_word(place where, std::string key, std::string check, std::string parent)
        : at(where), path(std::move(key)), child(std::move(check)), name(std::move(parent)) {}
    place at;
    std::string path;   ///< of the key
    std::string child;  ///< the check that it was given to; empty: all checks of the guest but itself
    std::string name;
};

/// The key `parents` of a check or guest, "" for a guest.
void read_parents(section& s, const std::string& child, std::vector<parent_word>& into);

/// The key `require` of a guest whose checks have been read.
void read_require(section& s, guest& into);

/// Hands the names out to the checks, and complains about names that there are not and about circles. `siblings`: the
/// checks that the words are about; `gateways`: those beyond them, which may be the same.
void adopt_parents(const std::vector<parent_word>& words, std::vector<check>& siblings,
                   const std::vector<check>& gateways, complaints& to);

}  // namespace steward::config
