#include "pve/api/raw_json.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace steward::pve::api {
namespace json = boost::json;

raw_json::raw_json(json::value value) : held_(std::make_shared<const json::value>(std::move(value))) {}

const json::value& raw_json::value() const {
    static const json::value nothing;
    return held_ ? *held_ : nothing;
}

std::string raw_json::text() const { return json::serialize(value()); }

}  // namespace steward::pve::api
