#pragma once
#include "pve/schema/schema.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <string_view>
#include <vector>

/// Single schemas of a dump (sdk.md §2 lists the oddities). What we do not know is left out, so prose never enters.
namespace steward::pve::schema {

/// 5, "5" and 0.5; nothing for null and for what is no number.
[[nodiscard]] std::optional<double> number_in(const boost::json::value& json);
[[nodiscard]] std::optional<std::size_t> size_in(const boost::json::value& json);
/// A scalar as PVE writes it on the wire; nothing for null, arrays and objects.
[[nodiscard]] std::optional<std::string> text_in(const boost::json::value& json);
/// 1, "1" and true.
[[nodiscard]] bool is_true(const boost::json::value* json);

/// One property: a single value, or one for each alternative of a `oneOf`. "net[n]" becomes an indexed "net".
[[nodiscard]] std::vector<value> read_values(std::string_view name, const boost::json::object& schema);

/// All properties, sorted by name.
[[nodiscard]] std::vector<value> read_properties(const boost::json::object& properties);

/// The default key of a property string, then by name, plain before indexed; equal ones keep their order.
void sort_values(std::vector<value>& values);

}  // namespace steward::pve::schema
