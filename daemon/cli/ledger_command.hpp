#pragma once
#include "arguments.hpp"

#include <boost/json/array.hpp>

#include <string>

namespace steward::cli {

/// steward ledger [OBJECT]: from the daemon, or from its files when it is down.
[[nodiscard]] int run_ledger(const arguments& given);

/// A table of decisions, oldest first; "" when there are none. With `names_object` each line says what it is about.
[[nodiscard]] std::string render_decisions(const boost::json::array& decisions, bool names_object);

}  // namespace steward::cli
