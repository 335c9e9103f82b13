#include "sim/model/state_parts.hpp"

#include <boost/json/array.hpp>

#include <stdexcept>

/// Files, instances, disks, archives and tasks, as parts of a saved cluster.
namespace steward::sim {

namespace json = boost::json;

namespace {

std::string text(const json::value& of, const char* key) { return std::string(of.at(key).as_string()); }

guest_id guest_of(const json::value& of, const char* key = "guest") {
    const auto guest = parse_guest_id(text(of, key));
    if (!guest) throw std::runtime_error(guest.error().text());
    return *guest;
}

wall_time calendar(const json::value& seconds) {
    return wall_time(std::chrono::seconds(seconds.to_number<std::int64_t>()));
}

void collect(const file_tree& tree, const std::string& path, json::object& files, json::array& directories) {
    const auto names = tree.list(path);
    if (names.empty() && !path.empty()) directories.push_back(json::value(path));
    for (const std::string& name : names) {
        const std::string here = path.empty() ? name : path + "/" + name;
        if (const auto content = tree.read(here))
            files[here] = *content;
        else
            collect(tree, here, files, directories);
    }
}

void remove_all(file_tree& tree, const std::string& path) {
    for (const std::string& name : tree.list(path)) {
        const std::string here = path.empty() ? name : path + "/" + name;
        if (tree.read(here))
            tree.remove(here);
        else
            remove_all(tree, here);
    }
}

constexpr std::pair<const char*, service_state> service_words[] = {{"healthy", service_state::healthy},
                                                                   {"dead", service_state::dead},
                                                                   {"refusing", service_state::refusing},
                                                                   {"hung", service_state::hung}};

service_state service_of_word(const std::string& word) {
    for (const auto& [name, state] : service_words)
        if (word == name) return state;
    throw std::runtime_error("a service cannot be \"" + word + "\"");
}

archive_damage damage_of_word(const std::string& word) {
    for (const archive_damage d : {archive_damage::none, archive_damage::corrupt, archive_damage::unreadable})
        if (word == name_of(d)) return d;
    throw std::runtime_error("a backup cannot be \"" + word + "\"");
}

}  // namespace

std::string store_word(const storage_id& storage, const node_name& node) {
    return node.empty() ? storage.str() : storage.str() + "@" + node.str();
}

void read_store_word(const std::string& word, storage_id& storage, node_name& node) {
    const std::size_t at = word.find('@');
    storage = storage_id(word.substr(0, at));
    node = node_name(at == std::string::npos ? std::string() : word.substr(at + 1));
}

json::value state_access::files() const {
    json::object files;
    json::array directories;
    collect(model.files_.tree(), "", files, directories);
    return json::object{{"text", std::move(files)}, {"empty-directories", std::move(directories)}};
}

void state_access::read_files(const json::value& from) {
    file_tree& tree = model.files_.tree();
    remove_all(tree, "");
    for (const auto& [path, content] : from.at("text").as_object())
        tree.write(std::string(path), std::string(content.as_string()));
    for (const json::value& path : from.at("empty-directories").as_array())
        tree.make_directory(std::string(path.as_string()));
    model.files_.look_outside();
    model.access_.see(tree);
}

json::value state_access::running() const {
    json::array all;
    for (const auto& [key, i] : model.instances_) {
        json::array commands;
        for (const std::string& line : i.agent_commands) commands.push_back(json::value(line));
        all.push_back(json::object{{"guest", to_string(i.guest)},
                                   {"node", i.node.str()},
                                   {"since", ago(i.started)},
                                   {"service", name_of(i.service)},
                                   {"paused", i.paused},
                                   {"pid", i.pid},
                                   {"agent-commands", std::move(commands)}});
    }
    return all;
}

void state_access::read_running(const json::value& from) {
    model.instances_.clear();
    for (const json::value& row : from.as_array()) {
        instance i(node_name(text(row, "node")), guest_of(row), before_now(row.at("since")));
        i.service = service_of_word(text(row, "service"));
        i.paused = row.at("paused").as_bool();
        i.pid = row.at("pid").to_number<std::uint32_t>();
        for (const json::value& line : row.at("agent-commands").as_array())
            i.agent_commands.emplace_back(line.as_string());
        model.instances_.insert_or_assign({i.node, i.guest}, i);
    }
}

json::value state_access::volumes() const {
    json::object stores;
    for (const auto& [key, held] : model.volumes_) {
        json::array all;
        for (const auto& [id, v] : held)
            all.push_back(json::object{{"volid", id.str()},
                                       {"owner", to_string(v.owner)},
                                       {"bytes", v.bytes},
                                       {"created", v.created.time_since_epoch().count()},
                                       {"spoiled", v.spoiled},
                                       {"orphan", v.orphan}});
        stores[store_word(key.first, key.second)] = std::move(all);
    }
    return stores;
}

void state_access::read_volumes(const json::value& from) {
    model.volumes_.clear();
    for (const auto& [word, held] : from.as_object()) {
        storage_id storage;
        node_name node;
        read_store_word(std::string(word), storage, node);
        for (const json::value& row : held.as_array()) {
            volume v(guest_of(row, "owner"), row.at("bytes").to_number<std::uint64_t>());
            v.created = calendar(row.at("created"));
            v.spoiled = row.at("spoiled").as_bool();
            v.orphan = row.at("orphan").as_bool();
            model.volumes_[{storage, node}].insert_or_assign(volid(text(row, "volid")), v);
        }
    }
}

json::value state_access::archives() const {
    json::object stores;
    for (const auto& [key, held] : model.archives_) {
        json::array all;
        for (const auto& [id, a] : held)
            all.push_back(json::object{{"volid", id.str()},
                                       {"guest", to_string(a.guest)},
                                       {"created", a.created.time_since_epoch().count()},
                                       {"bytes", a.bytes},
                                       {"notes", a.notes},
                                       {"protected", a.is_protected},
                                       {"encrypted", a.is_encrypted},
                                       {"format", a.extension},
                                       {"damage", name_of(a.damage)},
                                       {"firewall", a.firewall},
                                       {"config", a.config}});
        stores[store_word(key.first, key.second)] = std::move(all);
    }
    return stores;
}

void state_access::read_archives(const json::value& from) {
    model.archives_.clear();
    for (const auto& [word, held] : from.as_object()) {
        storage_id storage;
        node_name node;
        read_store_word(std::string(word), storage, node);
        for (const json::value& row : held.as_array()) {
            archive a;
            a.id = volid(text(row, "volid"));
            a.guest = guest_of(row);
            a.created = calendar(row.at("created"));
            a.bytes = row.at("bytes").to_number<std::uint64_t>();
            a.notes = text(row, "notes");
            a.is_protected = row.at("protected").as_bool();
            // A file of an earlier version does not say.
            if (const json::value* said = row.as_object().if_contains("encrypted")) a.is_encrypted = said->as_bool();
            a.extension = text(row, "format");
            a.damage = damage_of_word(text(row, "damage"));
            a.firewall = text(row, "firewall");
            a.config = text(row, "config");
            model.archives_[{storage, node}].insert_or_assign(a.id, a);
        }
    }
}

json::value state_access::stored_files() const {
    json::object stores;
    for (const auto& [key, held] : model.stored_files_) {
        json::array all;
        for (const auto& [id, f] : held)
            all.push_back(json::object{{"volid", id.str()},
                                       {"bytes", f.bytes},
                                       {"created", f.created.time_since_epoch().count()},
                                       {"text", f.text}});
        stores[store_word(key.first, key.second)] = std::move(all);
    }
    return stores;
}

void state_access::read_stored_files(const json::value& from) {
    model.stored_files_.clear();
    for (const auto& [word, held] : from.as_object()) {
        storage_id storage;
        node_name node;
        read_store_word(std::string(word), storage, node);
        for (const json::value& row : held.as_array()) {
            stored_file f(volid(text(row, "volid")), row.at("bytes").to_number<std::uint64_t>(),
                          calendar(row.at("created")));
            f.text = text(row, "text");
            model.stored_files_[{storage, node}].insert_or_assign(f.id, f);
        }
    }
}

json::value state_access::tasks() const {
    json::array all;
    for (const std::string& upid : model.task_order_) {
        const task& t = model.tasks_.at(upid);
        json::array log;
        for (const std::string& line : t.log) log.push_back(json::value(line));
        // A worker that runs now dies with us, and does not get to say why.
        all.push_back(json::object{{"upid", upid},
                                   {"ended", (t.running() ? model.wall_now() : t.ended).time_since_epoch().count()},
                                   {"exit", t.running() ? std::string("unexpected status") : t.exit_text},
                                   {"log", std::move(log)}});
    }
    return all;
}

void state_access::read_tasks(const json::value& from) {
    model.tasks_.clear();
    model.task_order_.clear();
    for (const json::value& row : from.as_array()) {
        const auto id = parse_upid(text(row, "upid"));
        if (!id) throw std::runtime_error(id.error().text());
        task t(id->text, id->node, task_work(id->type, id->id, duration::zero()), id->user, id->started);
        t.pid = id->pid;
        t.pstart = id->pstart;
        t.ended = calendar(row.at("ended"));
        t.exit_text = text(row, "exit");
        for (const json::value& line : row.at("log").as_array()) t.log.emplace_back(line.as_string());
        model.task_order_.push_back(t.upid);
        model.tasks_.emplace(t.upid, std::move(t));
    }
}

json::value state_access::services() const {
    json::array all;
    for (const guest_options& g : model.options_.guests)
        all.push_back(json::object{{"guest", to_string(g.guest)},
                                   {"node", g.node.str()},
                                   {"address", g.address},
                                   {"port", g.port},
                                   {"has-service", g.has_service}});
    return all;
}

void state_access::read_services(const json::value& from) {
    model.options_.guests.clear();
    for (const json::value& row : from.as_array()) {
        guest_options g(guest_of(row), node_name(text(row, "node")));
        g.address = text(row, "address");
        g.port = row.at("port").to_number<std::uint16_t>();
        g.has_service = row.at("has-service").as_bool();
        model.options_.guests.push_back(std::move(g));
    }
}

}  // namespace steward::sim
