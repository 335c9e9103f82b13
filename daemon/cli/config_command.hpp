#pragma once
#include "arguments.hpp"

namespace steward::cli {

/// `steward config show`: the file, or with --effective every key with what holds. 0, or 1 when the file is bad.
[[nodiscard]] int config_show(const arguments& given);
/// `steward config diff`: the file against what the daemon runs with. 0 the same, 1 not, 3 no daemon.
[[nodiscard]] int config_diff(const arguments& given);
/// `steward config schema`: a JSON schema for editors.
[[nodiscard]] int config_schema(const arguments& given);
/// `steward config init`: an example file with what is on this cluster. 0 written, 1 refused by the cluster or the file
/// is there already, 2 a mistake in the call, 3 nobody was reached.
[[nodiscard]] int config_init(const arguments& given);

}  // namespace steward::cli
