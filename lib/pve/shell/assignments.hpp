#pragma once
#include "pve/schema/check.hpp"
#include "pve/schema/schema.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// The API from a shell: what people type and read. Pure, so that it can be tested; `steward api` is in daemon/cli.
namespace steward::pve::shell {

/// The content of a file, or of standard input for "-".
using text_source = std::function<result<std::string>(const std::string& name)>;

/// "memory=512", "delete=net1", a name given twice for a list, "sshkeys=@keys.pub" from a file, "description=-" from
/// standard input. Truth may be said as yes, no, true, false, on, off where the parameter is one. Errors: invalid, io.
[[nodiscard]] result<schema::parameters> read_assignments(const std::vector<std::string>& words,
                                                          const schema::method& what, const text_source& files);

/// "nodes/n1/" → "/nodes/n1"; "" and "/" are the root, "".
[[nodiscard]] std::string tidy_path(std::string_view text);

}  // namespace steward::pve::shell
