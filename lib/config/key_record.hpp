#pragma once
#include "config/yaml_tree.hpp"

#include <string>
#include <vector>

namespace steward::config {

enum class key_kind {
    anything,  ///< read by hand: a section, or a value with a language of its own
    text,
    path,  ///< absolute
    boolean,
    number,
    time,
    choice,
    texts,  ///< a list, or one value alone
};

/// What the loader did with one key: this is where the schema and `steward config show` come from, so that neither can
/// tell of another file than the loader reads.
class key_record {
  public:
    std::string path;  ///< "guests.ct/101.checks[0].interval"
    key_kind kind = key_kind::anything;
    std::vector<std::string> values;  ///< what holds, given or not; none: nothing does
    bool is_given = false;
    std::string least;  ///< number, time: the bounds
    std::string most;
    std::vector<std::string> choices;
    node_kind shape = node_kind::nothing;  ///< of what was given
};

}  // namespace steward::config
