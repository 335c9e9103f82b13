// Bytes as a client sends them, through the same code as the simulator's server up to the answer of a small cluster:
// request head, body, form, JSON, multipart, credentials, the call itself.
#include "net/request_reader.hpp"
#include "sim/front/body_parsers.hpp"
#include "sim/front/wire.hpp"
#include "sim/model/cluster.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace {

using namespace steward;
using namespace steward::sim;
using stage = net::request_reader::stage;

constexpr int most_requests = 4;
constexpr int most_waits = 50;
constexpr const char* token = "PVEAPIToken=root@pam!full=11111111-1111-4111-8111-111111111111";

void insist(bool holds) {
    if (!holds) __builtin_trap();
}

std::unique_ptr<cluster> make_model() {
    options o = make_options(2, {guest_options(guest_id(guest_type::ct, vmid(101)), node_name("n1")),
                                 guest_options(guest_id(guest_type::vm, vmid(103)), node_name("n2"))});
    o.wall_start = wall_time(std::chrono::seconds(1795204422));
    o.tokens.emplace_back("root@pam!full", "11111111-1111-4111-8111-111111111111", false);
    return std::make_unique<cluster>(std::move(o));
}

void check(const net::server_reply& reply) {
    insist(reply.status >= 200 && reply.status < 600);
    insist(reply.reason.find('\n') == std::string::npos && reply.reason.find('\r') == std::string::npos);
    insist(reply.status < 400 || reply.close_after);
    bool is_packed = false;
    for (const auto& [name, value] : reply.headers) is_packed = is_packed || name == "Content-Encoding";
    for (const auto& [name, value] : reply.headers)
        if (!is_packed && name == "Content-Type" && value.starts_with("application/json")) {
            boost::json::error_code ec;
            boost::json::parse_options lenient;
            lenient.max_depth = 1000;
            lenient.allow_invalid_utf8 = true;
            static_cast<void>(boost::json::parse(reply.body, ec, boost::json::storage_ptr(), lenient));
            insist(!ec);
        }
}

constexpr std::size_t piece = 7;

/// Reads one request; in small pieces when `slowly`, with the same result.
stage read(net::request_reader& reader, std::string& bytes, cluster& model, bool slowly) {
    std::string pending;
    std::size_t at = 0;
    for (;;) {
        if (slowly && at < bytes.size()) {
            pending += bytes.substr(at, piece);
            at = std::min(at + piece, bytes.size());
        }
        const stage now = slowly ? reader.read(pending) : reader.read(bytes);
        if (now == stage::judge)
            wire::wants_body(model, model.nodes().front().name, reader.request(), reader.announced())
                ? reader.read_body()
                : reader.leave_body();
        else if (now != stage::head && now != stage::body)
            break;
        else if (!slowly || at == bytes.size())
            return now;
    }
    if (slowly) bytes = pending + bytes.substr(at);
    return reader.now();
}

/// False when the connection is over.
bool serve_one(cluster& model, std::string& bytes) {
    std::string copy = bytes;
    net::request_reader reader;
    net::request_reader again;
    const stage got = read(reader, bytes, model, false);
    insist(read(again, copy, model, true) == got);
    if (got == stage::refused) {
        insist(again.reason() == reader.reason());
        check(wire::refusal(model, reader.status(), reader.reason()));
    }
    if (got != stage::complete) return false;
    net::http_request& request = reader.request();
    insist(again.request().target == request.target && again.request().body == request.body && copy == bytes);
    if (request.header("Authorization").empty() && request.header("Cookie").empty())
        request.headers.emplace_back("Authorization", token);
    const time_point arrived = model.now();
    wire::answer given = wire::serve(model, node_name("n1"), request);
    for (int waits = 0; given.again && waits < most_waits; ++waits) {
        model.advance_to(model.now() + given.delay);
        given = wire::serve(model, node_name("n1"), request, arrived);
    }
    if (!given.hangs && !given.again) check(given.reply);
    model.advance_to(model.now() + std::chrono::seconds(1));
    return reader.keeps_alive() && !given.reply.close_after;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static std::unique_ptr<cluster> model = make_model();
    std::string bytes(reinterpret_cast<const char*>(data), size);
    static_cast<void>(wire::read_form(bytes));
    static_cast<void>(wire::read_json(bytes));
    static_cast<void>(wire::read_multipart("multipart/form-data; boundary=B", bytes));
    const std::size_t writes = model->calls().writes.size();
    for (int i = 0; i < most_requests && serve_one(*model, bytes); ++i) {
    }
    // What one input changed must not be there for the next: a finding has to be found again from its bytes alone.
    if (model->calls().writes.size() != writes || model->now().time_since_epoch() > std::chrono::hours(24))
        model = make_model();
    return 0;
}
