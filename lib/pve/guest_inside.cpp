#include "pve/api/nodes_lxc.hpp"
#include "pve/api/nodes_qemu.hpp"
#include "pve/api/session.hpp"
#include "pve/client.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

/// What is asked of the inside of a guest (pve-facts F.9).
namespace steward::pve {
namespace asio = boost::asio;
namespace json = boost::json;

namespace {

std::string text_at(const json::object& in, const char* key) {
    const json::value* v = in.if_contains(key);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

const json::array* array_at(const json::value& in, const char* key) {
    const json::value* v = in.is_object() ? in.get_object().if_contains(key) : nullptr;
    return v != nullptr && v->is_array() ? &v->get_array() : nullptr;
}

/// {"result": [{"name": "eth0", "ip-addresses": [{"ip-address": "192.0.2.5"}]}]}
std::vector<interface_address> said_by_agent(const json::value& answer) {
    std::vector<interface_address> out;
    const json::array* interfaces = array_at(answer, "result");
    for (std::size_t i = 0; interfaces != nullptr && i < interfaces->size(); ++i) {
        const json::value& one = (*interfaces)[i];
        const json::array* addresses = array_at(one, "ip-addresses");
        for (std::size_t k = 0; addresses != nullptr && k < addresses->size(); ++k)
            if ((*addresses)[k].is_object())
                out.push_back({text_at(one.get_object(), "name"), text_at((*addresses)[k].get_object(), "ip-address")});
    }
    return out;
}

/// Since 8.4 all of them, before one of each family.
std::vector<interface_address> said_by_node(const std::vector<api::nodes_lxc::interfaces_get_row>& rows) {
    std::vector<interface_address> out;
    for (const auto& row : rows) {
        const std::string name = row.name.value_or("");
        for (const auto& a : row.ip_addresses)
            if (a.ip_address) out.push_back({name, *a.ip_address});
        if (!row.ip_addresses.empty()) continue;
        for (const auto* with_prefix : {&row.inet, &row.inet6})
            if (*with_prefix) out.push_back({name, (*with_prefix)->substr(0, (*with_prefix)->find('/'))});
    }
    return out;
}

}  // namespace

asio::awaitable<result<void>> client::ask_agent(node_name node, guest_id vm) {
    const auto said = co_await api::root(session_).nodes(node).qemu(vm.id).agent().info().get();
    if (!said) co_return said.error();
    co_return result<void>();
}

asio::awaitable<result<std::vector<interface_address>>> client::guest_addresses(node_name node, guest_id guest) {
    const auto at = api::root(session_).nodes(node);
    if (guest.type == guest_type::ct) {
        const auto rows = co_await at.lxc(guest.id).interfaces().get();
        if (!rows) co_return rows.error();
        co_return said_by_node(*rows);
    }
    const auto said = co_await at.qemu(guest.id).agent().network_get_interfaces().get();
    if (!said) co_return said.error();
    co_return said_by_agent(said->value());
}

}  // namespace steward::pve
