#include "sim/api/access.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

std::string pool_name(const call& c) { return c.get("poolid", c.path.count("poolid") != 0 ? c.path.at("poolid") : ""); }

std::string no_pool(const std::string& name) { return fmt::format("pool '{}' does not exist", name); }

/// The rows of GET /cluster/resources as root@pam gets them.
json::array resources(const call& c) {
    for (const route& r : resource_routes()) {
        if (std::string_view(r.path) != "/cluster/resources") continue;
        call all(c.model, c.at, c.at, identity("root@pam"));
        all.arrived = c.arrived;
        return json::parse(r.run(all).body).at("data").as_array();
    }
    return {};
}

/// Members that are gone are left out; what a configuration says besides is not told here.
json::array members(const call& c, const pool_entry& pool) {
    const std::string wanted = c.get("type");
    json::array rows;
    for (json::value& each : resources(c)) {
        json::object& row = each.as_object();
        const std::string type(row.at("type").as_string());
        if (!wanted.empty() && type != wanted) continue;
        const bool is_guest = row.contains("vmid") && pool.vms.count(row.at("vmid").to_number<std::uint32_t>()) != 0;
        const bool is_storage = type == "storage" && row.at("node").as_string() == c.at.str().c_str() &&
                                pool.storage.count(std::string(row.at("storage").as_string())) != 0;
        if (!is_guest && !is_storage) continue;
        for (const char* key : {"pool", "lock", "tags", "hastate"}) row.erase(key);
        rows.push_back(std::move(each));
    }
    return rows;
}

json::object described(const std::string& name, const pool_entry& pool) {
    json::object row{{"poolid", name}};
    if (!pool.comment.empty()) row["comment"] = pool.comment;
    return row;
}

reply read_pool_into(const call& c, bool as_list) {
    const std::string name = pool_name(c);
    const user_config users = read_users(c);
    const auto pool = users.pools.find(name);
    if (pool == users.pools.end()) return error(500, no_pool(name));
    json::object row = described(name, pool->second);
    row["members"] = members(c, pool->second);
    if (as_list) return ok(json::array{std::move(row)});
    if (c.model.version().major < 8) row.erase("poolid");
    return ok(std::move(row));
}

reply list_pools(call& c) {
    if (c.has("poolid")) return read_pool_into(c, true);
    json::array rows;
    for (const auto& [name, pool] : read_users(c).pools)
        if (c.may("/pool/" + name, "Pool.Audit")) rows.push_back(described(name, pool));
    return ok(std::move(rows));
}

reply read_pool(call& c) { return read_pool_into(c, false); }

reply create_pool(call& c) {
    const std::string name = c.get("poolid");
    const auto refused = change_users(c, "create pool failed", [&](user_config& users) -> complaint {
        if (users.pools.count(name) != 0) return fmt::format("pool '{}' already exists", name);
        const std::size_t slash = name.rfind('/');
        if (slash != std::string::npos && users.pools.count(name.substr(0, slash)) == 0)
            return fmt::format("parent '{}' of pool '{}' does not exist", name.substr(0, slash), name);
        const char first = name[slash == std::string::npos ? 0 : slash + 1];
        if (c.model.version().major >= 9 && std::isalpha(static_cast<unsigned char>(first)) == 0)
            return "pool name must start with a letter";
        users.pools[name].comment = c.get("comment");
        return std::nullopt;
    });
    return refused ? *refused : ok(nullptr);
}

/// Who moves things between pools changes who may do what with them.
complaint check_modify(const call& c, const std::string& acl_path) {
    const auto lacks = lacks_to_modify(c.model.access(), c.who, acl_path);
    if (!lacks) return std::nullopt;
    return fmt::format("403 Permission check failed ({})", *lacks);
}

complaint move_guest(const call& c, user_config& users, const std::string& name, std::uint32_t vmid) {
    if (auto why = check_modify(c, fmt::format("/vms/{}", vmid))) return why;
    pool_entry& pool = users.pools[name];
    if (c.flag("delete"))
        return pool.vms.erase(vmid) != 0 ? std::nullopt : complaint(fmt::format("VM {} is not a pool member", vmid));
    const auto now_in = users.pool_of(vmid);
    if (now_in == name) return fmt::format("VM {} is already a pool member", vmid);
    if (now_in) {
        if (!c.flag("allow-move"))
            return fmt::format("VM {} belongs already to pool '{}'{}", vmid, *now_in,
                               c.model.version().major >= 8 ? " and 'allow-move' is not set" : "");
        if (!c.may("/pool/" + *now_in, "Pool.Allocate"))
            return fmt::format("403 Permission check failed (/pool/{}, Pool.Allocate)", *now_in);
        users.pools[*now_in].vms.erase(vmid);
    }
    pool.vms.insert(vmid);
    return std::nullopt;
}

complaint move_storage(const call& c, pool_entry& pool, const std::string& storage) {
    if (auto why = check_modify(c, "/storage/" + storage)) return why;
    if (c.flag("delete"))
        return pool.storage.erase(storage) != 0 ? std::nullopt
                                                : complaint(fmt::format("Storage '{}' is not a pool member", storage));
    return pool.storage.insert(storage).second
               ? std::nullopt
               : complaint(fmt::format("Storage '{}' is already a pool member", storage));
}

reply update_pool(call& c) {
    const std::string name = pool_name(c);
    const auto refused = change_users(c, "update pools failed", [&](user_config& users) -> complaint {
        const auto pool = users.pools.find(name);
        if (pool == users.pools.end()) return no_pool(name);
        pool->second.comment = c.get("comment", pool->second.comment);
        for (const std::string& vmid : c.list("vms"))
            if (auto why = move_guest(c, users, name, static_cast<std::uint32_t>(std::stoul(vmid)))) return why;
        for (const std::string& storage : c.list("storage"))
            if (auto why = move_storage(c, pool->second, storage)) return why;
        return std::nullopt;
    });
    return refused ? *refused : ok(nullptr);
}

/// Only an empty one; members that no longer exist do not count.
complaint contents(const call& c, const user_config& users, const std::string& name) {
    const auto pool = users.pools.find(name);
    if (pool == users.pools.end()) return no_pool(name);
    for (const std::string& below : users.pools_below(name))
        return fmt::format("pool '{}' is not empty (contains pool '{}')", name, below);
    for (const std::uint32_t vmid : pool->second.vms)
        if (c.files().find(steward::vmid(vmid)))
            return fmt::format("pool '{}' is not empty (contains VM {})", name, vmid);
    for (const std::string& storage : pool->second.storage)
        if (c.model.storage(storage_id(storage)) != nullptr)
            return fmt::format("pool '{}' is not empty (contains storage '{}')", name, storage);
    return std::nullopt;
}

reply delete_pool(call& c) {
    const std::string name = pool_name(c);
    const auto refused = change_users(c, "delete pool failed", [&](user_config& users) -> complaint {
        if (auto why = contents(c, users, name)) return why;
        users.remove_pool(name);
        return std::nullopt;
    });
    return refused ? *refused : ok(nullptr);
}

}  // namespace

const std::vector<route>& pool_routes() {
    static const std::vector<route> routes = {
        {"GET", "/pools", list_pools},
        {"POST", "/pools", create_pool},
        {"PUT", "/pools", update_pool},
        {"DELETE", "/pools", delete_pool},
        {"GET", "/pools/{poolid}", read_pool},
        {"PUT", "/pools/{poolid}", update_pool},
        {"DELETE", "/pools/{poolid}", delete_pool},
    };
    return routes;
}

}  // namespace steward::sim::api
