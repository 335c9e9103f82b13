#include "sim/model/readable_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace steward::sim {

namespace json = boost::json;

namespace {

void write(const json::value& value, int levels, const std::string& indent, std::string& out) {
    const bool is_empty =
        (value.is_object() && value.get_object().empty()) || (value.is_array() && value.get_array().empty());
    if (levels == 0 || is_empty || (!value.is_object() && !value.is_array())) {
        out += json::serialize(value);
        return;
    }
    const std::string deeper = indent + "  ";
    bool is_first = true;
    const auto next = [&] {
        out += is_first ? "\n" : ",\n";
        is_first = false;
        out += deeper;
    };
    if (value.is_object()) {
        out += '{';
        for (const auto& [key, member] : value.get_object()) {
            next();
            out += json::serialize(json::value(key)) + ": ";
            write(member, levels - 1, deeper, out);
        }
        out += "\n" + indent + "}";
        return;
    }
    out += '[';
    for (const json::value& element : value.get_array()) {
        next();
        write(element, levels - 1, deeper, out);
    }
    out += "\n" + indent + "]";
}

}  // namespace

std::string readable_json(const json::value& value, int levels) {
    std::string out;
    write(value, levels, "", out);
    return out + "\n";
}

}  // namespace steward::sim
