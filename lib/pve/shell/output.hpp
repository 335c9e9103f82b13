#pragma once
#include <cstddef>
#include <string>

namespace boost::json {
class value;
}

namespace steward::pve::shell {

/// A list of objects as a table with its columns' names, an object as two columns, anything else as it is. Columns that
/// name things come first. `widest` cuts cells that are longer; 0: none is cut.
[[nodiscard]] std::string as_table(const boost::json::value& answer, std::size_t widest);
/// Indented, keys sorted.
[[nodiscard]] std::string as_json(const boost::json::value& answer);
/// YAML 1.2; texts that could be taken for something else are quoted.
[[nodiscard]] std::string as_yaml(const boost::json::value& answer);

}  // namespace steward::pve::shell
