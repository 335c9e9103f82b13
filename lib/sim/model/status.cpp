#include "sim/model/cluster.hpp"
#include "sim/model/faults.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace steward::sim {

namespace json = boost::json;

namespace {

json::array names(const std::vector<node_name>& nodes) {
    json::array all;
    for (const node_name& n : nodes) all.push_back(json::value(n.str()));
    return all;
}

std::vector<guest_id> known_guests(const cluster& model) {
    std::set<guest_id> all;
    for (const guest_options& g : model.configured().guests) all.insert(g.guest);
    for (const auto& p : model.files().guests()) all.insert(p.guest);
    return {all.begin(), all.end()};
}

json::object volumes_of(const cluster& model, guest_id g) {
    json::object by_node;
    for (const auto& [key, held] : model.all_volumes()) {
        json::array mine;
        for (const auto& [id, v] : held)
            if (v.owner == g) mine.push_back(json::value(id.str()));
        if (mine.empty()) continue;
        const std::string where = key.second.empty() ? "shared" : key.second.str();
        json::array& all = by_node[where].is_array() ? by_node[where].as_array() : by_node[where].emplace_array();
        for (auto& id : mine) all.push_back(id);
    }
    return by_node;
}

json::object guest_json(const cluster& model, guest_id g) {
    const auto place = model.files().find(g.id);
    const auto running = model.running_on(g);
    const auto service = model.service_of(g);
    json::object row{{"guest", to_string(g)},
                     {"node", place ? json::value(place->node.str()) : json::value()},
                     {"running", !running.empty()},
                     {"running_on", names(running)},
                     {"service", service ? name_of(*service) : "none"},
                     {"volumes", volumes_of(model, g)}};
    json::array configs;
    if (place) {
        configs.push_back(json::value(config_files::path(place->node, place->guest)));
        json::object values;
        if (const auto c = model.config(place->node, place->guest))
            for (const auto& [key, value] : c->values) values[key] = value;
        row["config"] = std::move(values);
    }
    row["configs"] = std::move(configs);
    json::array parked;
    for (const std::string& name : model.files().tree().list("priv/steward/parked"))
        if (name.starts_with(to_string(g.id) + ".")) parked.push_back(json::value("priv/steward/parked/" + name));
    row["parked"] = std::move(parked);
    return row;
}

}  // namespace

std::string status_json(const cluster& model) {
    json::object guests;
    for (const guest_id g : known_guests(model)) guests[to_string(g)] = guest_json(model, g);
    json::array nodes;
    for (const sim_node& n : model.nodes())
        nodes.push_back(json::object{{"node", n.name.str()},
                                     {"powered", n.powered},
                                     {"connected", n.connected},
                                     {"member", model.is_member(model.nodes().front().name, n.name)},
                                     {"quorate", model.is_quorate(n.name)}});
    json::object verbs;
    for (const auto& [verb, count] : model.calls().by_verb) verbs[verb] = count;
    json::array writes;
    for (const std::string& w : model.calls().writes) writes.push_back(json::value(w));
    json::array tasks;
    for (const std::string& upid : model.task_order()) {
        const task& t = model.tasks().at(upid);
        tasks.push_back(json::object{{"upid", upid},
                                     {"node", t.node.str()},
                                     {"type", t.work.type},
                                     {"id", t.work.id},
                                     {"exit", t.running() ? json::value() : json::value(t.exit_text)}});
    }
    const std::size_t write_count = writes.size();
    return json::serialize(json::object{
        {"guests", std::move(guests)},
        {"nodes", std::move(nodes)},
        {"calls",
         json::object{{"by_verb", std::move(verbs)}, {"writes", write_count}, {"write_list", std::move(writes)}}},
        {"tasks", std::move(tasks)}});
}

}  // namespace steward::sim
