#include "base/sha1.hpp"
#include "sim/api/storage.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>
#include <set>

/// /storage: what storage.cfg says.
namespace steward::sim::api {

namespace json = boost::json;

namespace {

constexpr const char* file_lock = "file-storage_cfg";

std::string file_text(const call& c) { return c.files().tree().read("storage.cfg").value_or(""); }

bool may_see(const call& c, const storage_id& id) {
    return c.may("/storage/" + id.str(), "Datastore.Audit") || c.may("/storage/" + id.str(), "Datastore.AllocateSpace");
}

json::object row_of(const storage_entry& s, const std::string& digest) {
    json::object row{{"storage", s.id.str()}, {"type", s.type}, {"digest", digest}};
    for (const auto& [key, value] : s.values) row[key] = property_value(key, value);
    if (s.shared) row["shared"] = 1;
    return row;
}

reply list(call& c) {
    const std::string digest = sha1_hex(file_text(c));
    json::array rows;
    for (const storage_entry& s : c.model.storages(c.at))
        if (may_see(c, s.id) && (!c.has("type") || c.get("type") == s.type)) rows.push_back(row_of(s, digest));
    return ok(std::move(rows));
}

reply one(call& c) {
    const storage_id id(c.path.at("storage"));
    const storage_entry* s = c.model.storage(id, c.at);
    if (s == nullptr) return error(500, fmt::format("storage '{}' does not exist", id.str()));
    return ok(row_of(*s, sha1_hex(file_text(c))));
}

bool is_in(const std::string& word, const char* list) {
    const auto words = split_list(list);
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// Why a property with that value cannot stand in a section of that type; empty when it can.
std::string check_property(const storage_type& type, const std::string& key, const std::string& value) {
    static const std::set<std::string> everywhere = {"nodes",  "disable", "content", "bwlimit",
                                                     "shared", "storage", "type"};
    if (everywhere.count(key) == 0 && !is_in(key, type.required) && !is_in(key, type.optional))
        return fmt::format("unexpected property '{}'", key);
    if (key != "content") return {};
    const auto words = split_list(value);
    for (const std::string& word : words)
        if (!is_in(word, type.content)) return fmt::format("storage does not support content type '{}'", word);
    if (is_in("none", value.c_str()) && words.size() > 1) return "unable to combine 'none' with other content types";
    return {};
}

/// Its secret does not go into the file that everybody reads.
void keep_secret(call& c, const std::string& id) {
    if (c.has("password")) c.model.files().tree().write("priv/storage/" + id + ".pw", c.get("password") + "\n");
    if (c.has("encryption-key")) c.model.files().tree().write("priv/storage/" + id + ".enc", c.get("encryption-key"));
}

bool is_secret(const std::string& key) {
    return key == "password" || key == "encryption-key" || key == "master-pubkey";
}

/// storage.cfg with what PVE would add when it writes the file: the built-in `local`.
section_config read_file(const call& c) {
    section_config file = section_config::parse(file_text(c));
    if (file.find("local") != nullptr) return file;
    const storage_entry* local = c.model.storage(storage_id("local"), c.at);
    config_section section("dir", "local");
    if (local != nullptr) section.values = local->values;
    file.sections.insert(file.sections.begin(), std::move(section));
    return file;
}

reply create(call& c) {
    const std::string id = c.get("storage");
    const storage_type* type = find_storage_type(c.get("type"));
    if (type == nullptr) return error(500, fmt::format("unknown storage type '{}'", c.get("type")));
    config_section section(type->name, id);
    for (const auto& [key, value] : c.params) {
        if (const std::string why = check_property(*type, key, value); !why.empty()) return error(500, why);
        const bool is_empty_list = key == "nodes" && value.empty();
        if (key != "storage" && key != "type" && !is_secret(key) && !is_empty_list) section.values[key] = value;
    }
    for (const std::string& needed : split_list(type->required))
        if (!c.has(needed)) return error(500, fmt::format("missing value for required option '{}'", needed));
    const std::string prefix = "create storage failed: ";
    if (auto busy = await_cluster_lock(c, file_lock, prefix)) return *busy;
    if (c.model.storage(storage_id(id), c.at) != nullptr)
        return error(500, fmt::format("{}storage ID '{}' already defined", prefix, id));
    if (auto refused = await_write(c, "storage.cfg")) return *refused;
    section_config file = read_file(c);
    file.sections.push_back(std::move(section));
    c.model.files().tree().write("storage.cfg", file.text());
    keep_secret(c, id);
    return ok(json::object{{"storage", id}, {"type", type->name}});
}

/// Applies parameters and `delete` to a section; why it cannot, or empty.
std::string change_section(const call& c, const storage_type& type, config_section& section) {
    const auto removed = c.list("delete");
    for (const auto& [key, value] : c.params) {
        if (key == "delete" || key == "digest") continue;
        if (is_in(key, type.required)) return fmt::format("can't change value of fixed parameter '{}'", key);
        if (const std::string why = check_property(type, key, value); !why.empty()) return why;
        if (std::find(removed.begin(), removed.end(), key) != removed.end())
            return fmt::format("cannot set and delete property '{}' at the same time!", key);
    }
    for (const std::string& key : removed) {
        if (is_in(key, type.required)) return fmt::format("unable to delete required option '{}'", key);
        section.values.erase(key);
    }
    for (const auto& [key, value] : c.params) {
        if (key == "delete" || key == "digest" || is_secret(key)) continue;
        if (key == "nodes" && value.empty())
            section.values.erase(key);
        else
            section.values[key] = value;
    }
    return {};
}

reply update(call& c) {
    const std::string id = c.path.at("storage");
    const std::string prefix = "update storage failed: ";
    if (auto busy = await_cluster_lock(c, file_lock, prefix)) return *busy;
    if (c.has("digest") && c.get("digest") != sha1_hex(file_text(c)))
        return error(500, prefix + "detected modified configuration - file changed by other user? Try again.");
    section_config file = read_file(c);
    config_section* section = file.find(id);
    const storage_type* type = section == nullptr ? nullptr : find_storage_type(section->type);
    if (type == nullptr) return error(500, fmt::format("{}storage '{}' does not exist", prefix, id));
    if (const std::string why = change_section(c, *type, *section); !why.empty()) return error(500, prefix + why);
    if (auto refused = await_write(c, "storage.cfg")) return *refused;
    c.model.files().tree().write("storage.cfg", file.text());
    keep_secret(c, id);
    return ok(json::object{{"storage", id}, {"type", type->name}});
}

reply remove(call& c) {
    const std::string id = c.path.at("storage");
    const std::string prefix = "delete storage failed: ";
    if (auto busy = await_cluster_lock(c, file_lock, prefix)) return *busy;
    section_config file = read_file(c);
    if (file.find(id) == nullptr) return error(500, fmt::format("{}storage '{}' does not exist", prefix, id));
    const bool is_base = std::any_of(file.sections.begin(), file.sections.end(),
                                     [&](const config_section& s) { return s.get("base").starts_with(id + ":"); });
    if (is_base) return error(500, prefix + "can't remove storage - storage is used as base of another storage");
    if (auto refused = await_write(c, "storage.cfg")) return *refused;
    file.remove(id);
    c.model.files().tree().write("storage.cfg", file.text());
    c.model.files().tree().remove("priv/storage/" + id + ".pw");
    c.model.files().tree().remove("priv/storage/" + id + ".enc");
    return ok(nullptr);
}

}  // namespace

const std::vector<route>& storage_config_routes() {
    static const std::vector<route> routes = {
        {"GET", "/storage", list},
        {"POST", "/storage", create},
        {"GET", "/storage/{storage}", one},
        {"PUT", "/storage/{storage}", update},
        {"DELETE", "/storage/{storage}", remove},
    };
    return routes;
}

}  // namespace steward::sim::api
