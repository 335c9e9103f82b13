#include "pve/api/decode.hpp"
#include "support/api_registry.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

using namespace steward;
using namespace steward::pve;
using api::registered_call;

namespace {

std::vector<std::string> segments(const std::string& path) {
    std::vector<std::string> parts;
    std::istringstream in(path);
    for (std::string part; std::getline(in, part, '/');)
        if (!part.empty()) parts.push_back(part);
    return parts;
}

/// Whether "/nodes/pve/lxc" is an address of "/nodes/{node}/lxc".
bool is_address_of(const std::string& concrete, const std::string& pattern) {
    const auto have = segments(concrete);
    const auto want = segments(pattern);
    if (have.size() < want.size() ||
        (have.size() > want.size() && want.back() != "{volume}" && want.back() != "{cidr}"))
        return false;
    for (std::size_t i = 0; i < want.size(); ++i)
        if (want[i].front() != '{' && want[i] != have[i]) return false;
    return true;
}

const registered_call* find_call(const std::string& verb, const std::string& path) {
    const registered_call* best = nullptr;
    for (const registered_call& c : api::all_calls()) {
        const auto& m = c.method->get();
        if (m.verb != verb || !m.when.contains(schema::version(8, 4)) || !is_address_of(path, m.path)) continue;
        // Fixed segments win over parameters.
        if (!best || best->method->get().path.find('{') < m.path.find('{')) best = &c;
    }
    return best;
}

std::string read_file(const char* path) {
    std::ifstream in(path, std::ios::binary);
    REQUIRE(in);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

TEST_CASE("answers recorded on a genuine PVE 8.4.1 are read by the types of their calls") {
    std::istringstream lines(read_file(STEWARD_RECORDED_ANSWERS));
    std::size_t read = 0;
    for (std::string name, verb, path, body; lines >> name >> verb >> path && std::getline(lines >> std::ws, body);) {
        INFO(name << ' ' << verb << ' ' << path);
        const registered_call* call = find_call(verb, path);
        if (!call) continue;  // recorded refusals of what does not exist are no answers; counted below
        ++read;
        if (!call->has_result) continue;
        const boost::json::value answer = boost::json::parse(body);
        void* into = call->make_result();
        const auto done = api::decode(call->returns, answer, into);
        call->end_result(into);
        // PVE's log of a task that never was is one row instead of a list of rows.
        CHECK(done.has_value() == (name != "task-07-unknown-upid-log"));
    }
    CHECK(read > 190);
}

TEST_CASE("the coverage report in docs/ is the one that the build generates") {
    CHECK(read_file(STEWARD_COVERAGE_WRITTEN) == read_file(STEWARD_COVERAGE_GENERATED));
}
