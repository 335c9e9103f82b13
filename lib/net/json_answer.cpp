#include "net/json_answer.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <fmt/core.h>

namespace steward::net {
namespace json = boost::json;
namespace {

constexpr std::size_t deepest = 64;

bool is_equal(const json::value& found, const std::string& equals) {
    if (found.is_string()) return std::string_view(found.get_string().data(), found.get_string().size()) == equals;
    if (found.is_bool()) return equals == (found.get_bool() ? "true" : "false");
    if (found.is_null()) return equals == "null";
    boost::system::error_code ec;
    const json::value wanted = json::parse(equals, ec);
    if (ec || !wanted.is_number()) return false;
    if (!found.is_double() && !wanted.is_double()) return found == wanted;
    const auto as_double = [](const json::value& v) { return v.to_number<double>(); };
    return as_double(found) == as_double(wanted);
}

}  // namespace

std::string json_mismatch(std::string_view body, const std::string& pointer, const std::string& equals) {
    boost::system::error_code ec;
    json::parse_options how;
    how.max_depth = deepest;
    const json::value whole = json::parse(json::string_view(body.data(), body.size()), ec, {}, how);
    if (ec) return fmt::format("body is not JSON: {}", ec.message());
    const json::value* const found = whole.find_pointer(pointer, ec);
    if (ec || found == nullptr) return fmt::format("{} is not in the JSON body", pointer);
    if (found->is_object() || found->is_array())
        return fmt::format("{} is {} in the JSON body, wanted {}", pointer, found->is_object() ? "an object" : "a list",
                           equals);
    if (is_equal(*found, equals)) return {};
    return fmt::format("{} is {}, wanted {}", pointer, json::serialize(*found).substr(0, 80), equals);
}

}  // namespace steward::net
