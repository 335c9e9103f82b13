#pragma once
#include "pve/schema/schema.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What PVE's parameter verification does (pve-facts B.2), before anything leaves, and in the simulator after it came.
namespace steward::pve::schema {

/// Name and value as they are on the wire; a name given twice is an array.
using parameters = std::vector<std::pair<std::string, std::string>>;

/// One reason to refuse a call.
class violation {
  public:
    enum class rule {
        unknown,  ///< no version of the call has this parameter
        version,  ///< another version has it; `text` is still PVE's sentence
        missing,
        type,
        range,
        length,
        choice,
        pattern,
        format,
        requires_other,  ///< `required_with`
        index,
    };
    std::string parameter;  ///< as PVE names it in `errors`: "net0", "net0.model"
    rule broken = rule::unknown;
    std::string text;  ///< PVE's words: "value must have a maximum value of 8192"
};

/// All violations at once, in the order of the parameters' names. `given` holds the parameters of the path too. An
/// unknown version checks against the newest facts.
[[nodiscard]] std::vector<violation> check(const method& what, version connected, const parameters& given);

/// One value (not its presence): used for the elements of arrays and for results.
[[nodiscard]] std::vector<violation> check_value(const value& facts, version connected, std::string_view name,
                                                 std::string_view text);

}  // namespace steward::pve::schema
