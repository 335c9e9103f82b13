#pragma once
#include "arguments.hpp"

#include <string>
#include <string_view>

namespace boost::json {
class value;
}

/// How answers leave: in the shape that -o asks for, coloured only for people.
namespace steward::cli {

enum class shape { table, json, yaml };

/// What -o says; a table without one.
[[nodiscard]] shape shape_of(const arguments& given);
[[nodiscard]] inline bool is_for_people(const arguments& given) { return shape_of(given) == shape::table; }

/// The answer as JSON or YAML, else `text`, on standard output.
void print_answer(const arguments& given, const boost::json::value& answer, std::string_view text);

/// Whether standard output is a terminal that shows colours, and nobody has set NO_COLOR (no-color.org).
[[nodiscard]] bool shows_colour();

enum class colour { red, yellow, green };
/// `text` in that colour where colours are shown, else as it is.
[[nodiscard]] std::string painted(colour c, const std::string& text);

}  // namespace steward::cli
