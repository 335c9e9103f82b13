#include "core/failover/record.hpp"
#include "core/fencing/proof.hpp"
#include "core/lease/node_lease.hpp"
#include "pve/api/cluster.hpp"
#include "pve/api/decode.hpp"
#include "pve/api/nodes_lxc.hpp"
#include "pve/api/nodes_qemu.hpp"
#include "pve/api/nodes_storage.hpp"
#include "pve/http_meaning.hpp"
#include "pve/model_of.hpp"

#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace {

using namespace steward;

/// An answer of this shape, or none.
template <class R>
std::optional<R> read(const boost::json::value& body) {
    R into;
    if (!pve::api::decode(pve::api::make_field<R>("", 0), body, &into)) return std::nullopt;
    return into;
}

template <class Config>
void read_config(const boost::json::value& body) {
    const auto config = read<Config>(body);
    if (config) static_cast<void>(pve::config_of(Config::fields(), &*config, config->extra));
}

void read_as_everything(const boost::json::value& body) {
    model::cluster_view view;
    if (const auto rows = read<std::vector<pve::api::cluster::status_get_row>>(body))
        static_cast<void>(pve::read_status(*rows, view));
    if (const auto rows = read<std::vector<pve::api::cluster::resources_get_row>>(body))
        for (const auto& row : *rows) pve::read_resource(row, view);
    if (const auto rows = read<std::vector<pve::api::nodes_storage::content_get_row>>(body))
        static_cast<void>(pve::backups_of(*rows));
    read_config<pve::api::nodes_lxc::config_get_result>(body);
    read_config<pve::api::nodes_qemu::config_get_result>(body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    pve::reply answer;
    answer.body.assign(reinterpret_cast<const char*>(data), size);
    for (const int status : {200, 400, 500}) {
        answer.status = status;
        const auto body = pve::data_of(answer, pve::request(pve::verb::get, "/x"));
        if (!body) continue;
        read_as_everything(*body);
    }
    static_cast<void>(pve::parse_config_text(answer.body));
    static_cast<void>(parse_upid(answer.body));
    const auto record = failover::parse_record(answer.body);
    if (record && failover::to_json(*record).size() > 4096) __builtin_trap();
    const auto lease = lease::parse_node_lease(answer.body);
    if (lease && (lease::to_text(*lease).size() > 4096 || !lease::parse_node_lease(lease::to_text(*lease))))
        __builtin_trap();
    static_cast<void>(fencing::parse_confirmation(answer.body));
    return 0;
}
