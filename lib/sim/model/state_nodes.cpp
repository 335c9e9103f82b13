#include "sim/model/state_parts.hpp"

#include <boost/json/array.hpp>

#include <array>
#include <stdexcept>

/// Nodes, their network and what goes wrong, as parts of a saved cluster.
namespace steward::sim {

namespace json = boost::json;

namespace {

constexpr std::array<std::pair<const char*, service sim_node::*>, 4> daemons = {{{"pveproxy", &sim_node::pveproxy},
                                                                                 {"pvedaemon", &sim_node::pvedaemon},
                                                                                 {"pmxcfs", &sim_node::pmxcfs},
                                                                                 {"pvestatd", &sim_node::pvestatd}}};

const char* word_of(service s) { return s == service::up ? "up" : s == service::stopped ? "stopped" : "frozen"; }

service service_of_word(const std::string& word) {
    if (word == "up") return service::up;
    if (word == "stopped") return service::stopped;
    if (word == "frozen") return service::frozen;
    throw std::runtime_error("a daemon cannot be \"" + word + "\"");
}

std::string text(const json::value& of, const char* key) { return std::string(of.at(key).as_string()); }

std::set<std::string> words(const json::value& list) {
    std::set<std::string> all;
    for (const json::value& word : list.as_array()) all.insert(std::string(word.as_string()));
    return all;
}

json::array array_of(const std::set<std::string>& all) {
    json::array out;
    for (const std::string& word : all) out.push_back(json::value(word));
    return out;
}

}  // namespace

double state_access::ago(time_point t) const { return std::chrono::duration<double>(model.now_ - t).count(); }

time_point state_access::before_now(const json::value& seconds) const {
    return model.now_ -
           std::chrono::duration_cast<duration>(std::chrono::duration<double>(seconds.to_number<double>()));
}

json::value state_access::nodes() const {
    json::array all;
    for (const sim_node& n : model.nodes_) {
        json::object row{{"name", n.name.str()},
                         {"powered", n.powered},
                         {"connected", n.connected},
                         {"cluster-network", n.cluster_network},
                         {"guest-network", n.guest_network},
                         {"booted", ago(n.booted)},
                         {"next-pid", n.next_pid},
                         {"clock-ahead", std::chrono::duration<double>(n.clock_ahead).count()},
                         {"clock-drift", n.clock_drift},
                         {"clock-set", ago(n.clock_set)},
                         {"waits-to-autostart", n.waits_to_autostart}};
        for (const auto& [word, which] : daemons) row[word] = word_of(n.*which);
        all.push_back(std::move(row));
    }
    return all;
}

void state_access::read_nodes(const json::value& from) {
    for (const json::value& row : from.as_array()) {
        sim_node* n = model.find_node(node_name(text(row, "name")));
        if (n == nullptr) throw std::runtime_error("no node " + text(row, "name"));
        n->powered = row.at("powered").as_bool();
        n->connected = row.at("connected").as_bool();
        n->cluster_network = row.at("cluster-network").as_bool();
        n->guest_network = row.at("guest-network").as_bool();
        n->booted = before_now(row.at("booted"));
        n->next_pid = row.at("next-pid").to_number<std::uint32_t>();
        n->clock_ahead = std::chrono::duration_cast<duration>(
            std::chrono::duration<double>(row.at("clock-ahead").to_number<double>()));
        n->clock_drift = row.at("clock-drift").to_number<double>();
        n->clock_set = before_now(row.at("clock-set"));
        n->waits_to_autostart = row.at("waits-to-autostart").as_bool();
        // A file of an earlier version does not name all of them.
        for (const auto& [word, which] : daemons)
            n->*which = row.as_object().contains(word) ? service_of_word(text(row, word)) : service::up;
    }
}

json::value state_access::cut_links() const {
    json::array all;
    for (const sim_node& a : model.nodes_)
        for (const sim_node& b : model.nodes_)
            if (a.index != b.index && !model.network_.is_open_one_way(a.index, b.index))
                all.push_back(json::array{a.name.str(), b.name.str()});
    return all;
}

void state_access::read_cut_links(const json::value& from) {
    for (const json::value& link : from.as_array()) {
        const sim_node* a = model.find_node(node_name(std::string(link.as_array().at(0).as_string())));
        const sim_node* b = model.find_node(node_name(std::string(link.as_array().at(1).as_string())));
        if (a == nullptr || b == nullptr) throw std::runtime_error("a cut link between unknown nodes");
        model.network_.set_link(a->index, b->index, false);
    }
}

json::value state_access::faults() const {
    const fault_plan& plan = model.faults_;
    json::array planned;
    for (const guest_fault& f : plan.guests) {
        json::array where;
        for (const node_name& n : f.nodes) where.push_back(json::value(n.str()));
        planned.push_back(json::object{{"guest", to_string(f.guest)},
                                       {"kind", f.kind},
                                       {"nodes", std::move(where)},
                                       {"left", f.left},
                                       {"at", f.at}});
    }
    json::object failing;
    for (const auto& [storage, sentence] : plan.storages_failing) failing[storage] = sentence;
    return json::object{{"guests", std::move(planned)},
                        {"quorum-off", plan.quorum_off},
                        {"qdevice-off", plan.qdevice_off},
                        {"storages-offline", array_of(plan.storages_offline)},
                        {"storages-full", array_of(plan.storages_full)},
                        {"storages-hung", array_of(plan.storages_hung)},
                        {"storages-failing", std::move(failing)}};
}

void state_access::read_faults(const json::value& from) {
    fault_plan& plan = model.faults_;
    for (const json::value& row : from.at("guests").as_array()) {
        const auto guest = parse_guest_id(text(row, "guest"));
        if (!guest) throw std::runtime_error(guest.error().text());
        guest_fault f(*guest, text(row, "kind"));
        for (const json::value& n : row.at("nodes").as_array()) f.nodes.emplace_back(std::string(n.as_string()));
        f.left = row.at("left").to_number<int>();
        f.at = row.at("at").to_number<double>();
        plan.guests.push_back(std::move(f));
    }
    plan.quorum_off = from.at("quorum-off").as_bool();
    plan.qdevice_off = from.at("qdevice-off").as_bool();
    plan.storages_offline = words(from.at("storages-offline"));
    plan.storages_full = words(from.at("storages-full"));
    plan.storages_hung = words(from.at("storages-hung"));
    for (const auto& [storage, sentence] : from.at("storages-failing").as_object())
        plan.storages_failing[std::string(storage)] = std::string(sentence.as_string());
}

void state_access::settle() {
    const node_set up = model.up_nodes();
    for (sim_node& n : model.nodes_) {
        n.members = n.wanted = !n.powered           ? 0
                               : holds(up, n.index) ? model.network_.group_of(n.index, up)
                                                    : only(n.index);
        n.quorate_since = model.now_;
    }
    for (const sim_node& n : model.nodes_)
        if (!model.is_quorate(n.name)) model.keep_old_view(n.name);
    for (const sim_node& n : model.nodes_) model.publish(n.index);
    model.ha_->wake();
}

}  // namespace steward::sim
