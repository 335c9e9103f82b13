#pragma once
#include "pve/schema/catalogue.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace steward::pve::shell {

/// Names that exist on the cluster now: "node", "storage", "lxc", "qemu" or "guest" → {"101", "102"}; those of one
/// node, or of all when that is empty. May give none.
using live_names = std::function<std::vector<std::string>(std::string_view kind, std::string_view node)>;

/// What may stand for the last of `words`, which are those after "steward api" without options: verbs, paths a segment
/// at a time (with a '/' behind where more follows), parameters that are not given yet (with a '='), values of
/// enumerations, truth and things that exist. A pure function but for `live`.
[[nodiscard]] std::vector<std::string> complete(const std::vector<std::string>& words, const schema::catalogue& all,
                                                const live_names& live);

/// A script that makes bash, zsh or fish ask `steward __complete`. Errors: invalid, for other shells.
[[nodiscard]] result<std::string> completion_script(std::string_view shell);

}  // namespace steward::pve::shell
