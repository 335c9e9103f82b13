#pragma once
#include "base/result.hpp"
#include "model/snapshot.hpp"
#include "pve/transport.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// PVE's JSON is loose: numbers come as strings and back, booleans as 0/1/""/absent (pve-facts B.3, M32).
namespace steward::pve {

/// The `data` member of a 2xx answer; any other answer as the fault it means for `what`. A 2xx body that is not the
/// envelope is `garbage`: never an empty list.
[[nodiscard]] result<boost::json::value> data_of(const reply& answer, const request& what);

[[nodiscard]] std::string text_of(const boost::json::object& row, std::string_view key);
[[nodiscard]] std::optional<std::uint64_t> number_of(const boost::json::object& row, std::string_view key);
/// Absent counts as false: PVE omits false booleans.
[[nodiscard]] bool truth_of(const boost::json::object& row, std::string_view key);

/// "a;b, C" → {"a", "b", "c"}, sorted, unique (pve-facts F.6).
[[nodiscard]] std::vector<std::string> split_tags(std::string_view text);
[[nodiscard]] std::vector<std::string> split_list(std::string_view text, std::string_view separators);

[[nodiscard]] result<void> read_status(const boost::json::value& data, model::cluster_view& into);
[[nodiscard]] result<void> read_resources(const boost::json::value& data, model::cluster_view& into);
[[nodiscard]] result<model::guest_status> read_guest_status(const boost::json::value& data);
[[nodiscard]] result<model::guest_config> read_guest_config(const boost::json::value& data);
[[nodiscard]] result<std::vector<model::backup>> read_backups(const boost::json::value& data);
/// The text of `vzdump/extractconfig`: "key: value" lines of the head section.
[[nodiscard]] model::guest_config parse_config_text(std::string_view text);

}  // namespace steward::pve
