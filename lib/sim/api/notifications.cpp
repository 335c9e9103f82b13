#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/core.h>

/// What notifications.cfg says as PVE ships it: everything goes to root by mail (pve-facts J).
namespace steward::sim::api {

namespace json = boost::json;

namespace {

constexpr const char* mail = "mail-to-root";
constexpr const char* matcher = "default-matcher";

json::object endpoint() {
    return {{"name", mail},
            {"mailto-user", json::array{"root@pam"}},
            {"comment", "Send mails to root@pam's email address"},
            {"origin", "builtin"}};
}

json::object default_matcher() {
    return {{"name", matcher},
            {"mode", "all"},
            {"target", json::array{mail}},
            {"comment", "Route all notifications to mail-to-root"},
            {"origin", "builtin"}};
}

reply not_found(const char* what, const std::string& name) {
    return error(404, fmt::format("{} '{}' not found", what, name));
}

reply endpoints(call&) { return ok(json::array{endpoint()}); }
reply matchers(call&) { return ok(json::array{default_matcher()}); }
reply none(call&) { return ok(json::array()); }

reply get_endpoint(call& c) {
    return c.path.at("name") == mail ? ok(endpoint()) : not_found("endpoint", c.path.at("name"));
}

reply get_matcher(call& c) {
    return c.path.at("name") == matcher ? ok(default_matcher()) : not_found("matcher", c.path.at("name"));
}

reply targets(call&) {
    json::object target = endpoint();
    target["type"] = "sendmail";
    target.erase("mailto-user");
    return ok(json::array{std::move(target)});
}

reply test_target(call& c) { return c.path.at("name") == mail ? ok(nullptr) : not_found("target", c.path.at("name")); }

reply matcher_fields(call&) {
    json::array rows;
    for (const char* name : {"hostname", "job-id", "type"}) rows.push_back(json::object{{"name", name}});
    return ok(std::move(rows));
}

}  // namespace

const std::vector<route>& notification_routes() {
    static const std::vector<route> routes = {
        {"GET", "/cluster/notifications/endpoints/sendmail", endpoints},
        {"GET", "/cluster/notifications/endpoints/sendmail/{name}", get_endpoint},
        {"GET", "/cluster/notifications/endpoints/gotify", none},
        {"GET", "/cluster/notifications/endpoints/smtp", none},
        {"GET", "/cluster/notifications/endpoints/webhook", none},
        {"GET", "/cluster/notifications/targets", targets},
        {"POST", "/cluster/notifications/targets/{name}/test", test_target},
        {"GET", "/cluster/notifications/matchers", matchers},
        {"GET", "/cluster/notifications/matchers/{name}", get_matcher},
        {"GET", "/cluster/notifications/matcher-fields", matcher_fields},
        {"GET", "/cluster/notifications/matcher-field-values", none},
    };
    return routes;
}

}  // namespace steward::sim::api
