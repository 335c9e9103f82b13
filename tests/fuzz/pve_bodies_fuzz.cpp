#include "core/failover/record.hpp"
#include "pve/decode.hpp"

#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace steward;
    pve::reply answer;
    answer.body.assign(reinterpret_cast<const char*>(data), size);
    for (const int status : {200, 400, 500}) {
        answer.status = status;
        const auto body = pve::data_of(answer, pve::request(pve::verb::get, "/x"));
        if (!body) continue;
        model::cluster_view view;
        static_cast<void>(pve::read_status(*body, view));
        static_cast<void>(pve::read_resources(*body, view));
        static_cast<void>(pve::read_guest_status(*body));
        static_cast<void>(pve::read_guest_config(*body));
        static_cast<void>(pve::read_backups(*body));
    }
    static_cast<void>(pve::parse_config_text(answer.body));
    static_cast<void>(parse_upid(answer.body));
    const auto record = failover::parse_record(answer.body);
    if (record && failover::to_json(*record).size() > 4096) __builtin_trap();
    return 0;
}
