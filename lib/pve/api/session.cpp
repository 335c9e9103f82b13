#include "pve/api/session.hpp"

#include "pve/api/version.hpp"
#include "pve/read_data.hpp"
#include "pve/transport.hpp"
#include "runtime/let_others_run.hpp"
#include "runtime/time_source.hpp"

#include <boost/json/value.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::pve::api {
namespace asio = boost::asio;

namespace {

verb verb_of(const std::string& method) {
    if (method == "GET") return verb::get;
    if (method == "POST") return verb::create;
    if (method == "PUT") return verb::set;
    return verb::remove;
}

/// "exists since PVE 9.1", "exists until PVE 8.4", "exists from PVE 8.1 to 9.0"
std::string existence(const schema::versions& when) {
    if (when.since.is_known() && when.until.is_known())
        return fmt::format("exists from PVE {} to {}", to_string(when.since), to_string(when.until));
    if (when.since.is_known()) return "exists since PVE " + to_string(when.since);
    return "exists until PVE " + to_string(when.until);
}

/// From the first to the last version that knows the parameter in any form.
schema::versions existence_of(const schema::method& m, std::string_view parameter) {
    schema::versions whole;
    bool is_first = true;
    for (const schema::value* v : schema::find_values(m.parameters, parameter, {})) {
        if (is_first) whole = v->when;
        is_first = false;
        if (!v->when.since.is_known() || v->when.since < whole.since) whole.since = v->when.since;
        if (!v->when.until.is_known() || (whole.until.is_known() && whole.until < v->when.until))
            whole.until = v->when.until;
    }
    return whole;
}

}  // namespace

std::string describe(const prepared_call& call) { return fmt::format("pve {} {}", call.method->verb, call.path); }

session session::limited(duration limit) const {
    session other = *this;
    other.limit_ = limit;
    return other;
}

result<void> session::check(const prepared_call& call) const {
    const schema::method& m = *call.method;
    if (checks_parameters_ && !m.when.contains(version_))
        return fault(errc::unsupported, describe(call),
                     fmt::format("this call {}; the cluster has {}", existence(m.when), to_string(version_)));
    if (uses_token_ && !m.allows_token)
        return fault(errc::forbidden, describe(call), "not possible with an API token; log in with a password");
    schema::parameters given = call.in_path;
    for (const auto& [name, value] : call.in_path)
        if (value.empty()) return fault(errc::invalid, describe(call), name + ": is empty");
    given.insert(given.end(), call.params.begin(), call.params.end());
    if (!checks_parameters_) return {};
    const auto violations = schema::check(m, version_, given);
    if (violations.empty()) return {};
    std::string words;
    bool all_by_version = true;
    for (const schema::violation& v : violations) {
        const bool by_version = v.broken == schema::violation::rule::version;
        all_by_version = all_by_version && by_version;
        const std::string why = by_version ? fmt::format("{}; the cluster has {}",
                                                         existence(existence_of(m, v.parameter)), to_string(version_))
                                           : v.text;
        words += fmt::format("{}{}: {}", words.empty() ? "" : "; ", v.parameter, why);
        while (words.ends_with('\n')) words.pop_back();  // some of PVE's sentences end so
    }
    return fault(all_by_version ? errc::unsupported : errc::invalid, describe(call), std::move(words));
}

asio::awaitable<result<raw_json>> session::perform(prepared_call call) {
    const auto sound = check(call);
    if (!sound) co_return sound.error();
    const request what(verb_of(call.method->verb), std::move(call.path), std::move(call.params));
    auto got = co_await wire_.send(what, time_.now() + limit_);
    if (!got) co_return got.error();
    auto data = co_await read_data(std::move(*got), what);
    if (!data) co_return data.error();
    co_return raw_json(std::move(*data));
}

asio::awaitable<result<void>> read_list(raw_json from, field whole, void* into) {
    // 500 rows of /cluster/resources take less than a millisecond (./dev bench resources).
    constexpr std::size_t rows_at_once = 500;
    list_reader reader(whole, from.value(), into);
    for (;;) {
        const auto more = reader.read_some(rows_at_once);
        if (!more) co_return more.error();
        if (!*more) co_return result<void>();
        co_await let_others_run();
    }
}

asio::awaitable<result<schema::version>> session::learn_version() {
    const auto got = co_await root(*this).version().get();
    if (!got) co_return got.error();
    const auto read = schema::parse_version(got->version.value_or(""));
    if (!read) co_return fault(errc::garbage, "pve GET /version", read.error().detail);
    version_ = *read;
    co_return version_;
}

}  // namespace steward::pve::api
