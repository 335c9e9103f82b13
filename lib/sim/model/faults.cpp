#include "sim/model/faults.hpp"

#include "sim/model/fault_words.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <sstream>

namespace steward::sim {

namespace json = boost::json;

std::optional<guest_fault> fault_plan::take(guest_id guest, const node_name& node, const std::set<std::string>& kinds) {
    for (auto f = guests.begin(); f != guests.end(); ++f) {
        const bool here = f->nodes.empty() || std::find(f->nodes.begin(), f->nodes.end(), node) != f->nodes.end();
        if (f->guest != guest || !here || kinds.count(f->kind) == 0) continue;
        guest_fault taken = *f;
        if (f->left > 0 && --f->left == 0) guests.erase(f);
        return taken;
    }
    return std::nullopt;
}

bool fault_plan::holds(guest_id guest, const node_name& node, std::string_view kind) const {
    return std::any_of(guests.begin(), guests.end(), [&](const guest_fault& f) {
        const bool here = f.nodes.empty() || std::find(f.nodes.begin(), f.nodes.end(), node) != f.nodes.end();
        return f.guest == guest && f.kind == kind && here;
    });
}

fault bad_command(const std::string& what) { return fault(errc::invalid, "fault command", what); }

std::optional<double> read_number(const std::string& text) {
    double value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc()) return std::nullopt;
    const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (rest == "%") return value / 100;
    if (!rest.empty()) return std::nullopt;
    return value;
}

namespace {

using words = std::vector<std::string>;

fault bad(const std::string& what) { return bad_command(what); }
std::optional<double> number(const std::string& text) { return read_number(text); }

words split(std::string_view text) {
    std::istringstream in{std::string(text)};
    words found;
    for (std::string word; in >> word;) found.push_back(word);
    return found;
}

/// The tail "[@ N,M] [xK]"; what is in front of it stays in `w`.
result<void> read_scope(const cluster& model, words& w, guest_fault& f) {
    if (!w.empty() && w.back().size() > 1 && w.back().front() == 'x') {
        const auto times = number(w.back().substr(1));
        if (!times || *times < 1) return bad("\"" + w.back() + "\" is no number of times (like x1)");
        f.left = static_cast<int>(*times);
        w.pop_back();
    }
    const auto at = std::find(w.begin(), w.end(), "@");
    if (at == w.end()) return {};
    if (at + 2 != w.end()) return bad("one node list must follow @");
    std::istringstream names(*(at + 1));
    for (std::string name; std::getline(names, name, ',');) {
        if (model.find_node(node_name(name)) == nullptr) return bad("no node " + name);
        f.nodes.emplace_back(name);
    }
    w.erase(at, w.end());
    return {};
}

void stop_by_itself(cluster& model, guest_id g) {
    for (const node_name& n : model.running_on(g)) model.halt(n, g);
}

/// Data corruption: the service dies, and dies again at every start until its disks come from a backup.
void corrupt(cluster& model, guest_id g) {
    for (const node_name& n : model.running_on(g))
        if (const auto c = model.config(n, g))
            for (const auto& [key, id] : c->volumes()) {
                auto& held = model.volumes(storage_of(id), n);
                if (const auto v = held.find(id); v != held.end()) v->second.spoiled = true;
            }
    model.set_service(g, service_state::dead);
}

/// A VM is paused (QEMU's own state); a container just stops answering.
void suspend(cluster& model, guest_id guest) {
    model.set_service(guest, service_state::hung);
    if (guest.type != guest_type::vm) return;
    for (const node_name& n : model.running_on(guest)) model.find_instance(n, guest)->paused = true;
}

/// Whether the agent in a VM answers.
result<std::string> agent_command(cluster& model, guest_id guest, const std::string& word, guest_fault f) {
    f.kind = "agent-off";
    std::erase_if(model.faults().guests,
                  [&](const guest_fault& each) { return each.guest == guest && each.kind == f.kind; });
    if (word == "off") model.faults().guests.push_back(std::move(f));
    return std::string();
}

result<std::string> guest_command(cluster& model, words w) {
    if (w.size() < 3)
        return bad(
            "guest G crash|corrupt|refuse|heal|stop|stop-fails|start-fails|shutdown-hangs|migrate-fails|agent "
            "on|off|ok");
    const auto g = parse_guest_word(w[1]);
    if (!g) return g.error();
    guest_fault f(*g, w[2]);
    if (const auto scope = read_scope(model, w, f); !scope) return scope.error();
    if (w[2] == "agent" && w.size() == 4 && (w[3] == "on" || w[3] == "off")) return agent_command(model, *g, w[3], f);
    if (w.size() != 3) return bad("unexpected \"" + w[3] + "\"");
    if (w[2] == "crash")
        model.set_service(*g, service_state::dead);
    else if (w[2] == "refuse")
        model.set_service(*g, service_state::refusing);
    else if (w[2] == "suspend")
        suspend(model, *g);
    else if (w[2] == "heal")
        model.set_service(*g, service_state::healthy);
    else if (w[2] == "corrupt")
        corrupt(model, *g);
    else if (w[2] == "stop")
        stop_by_itself(model, *g);
    else if (w[2] == "ok")
        std::erase_if(model.faults().guests, [&](const guest_fault& each) { return each.guest == *g; });
    else if (w[2] == "stop-fails" || w[2] == "start-fails" || w[2] == "shutdown-hangs" || w[2] == "migrate-fails")
        model.faults().guests.push_back(std::move(f));
    else
        return bad("a guest cannot \"" + w[2] + "\"");
    return std::string();
}

result<std::string> restore_command(cluster& model, words w) {
    if (w.size() < 3) return bad("restore G fail P%|hang|slow F|workerkill P%|enospc P%|ok [@ N] [xK]");
    const auto g = parse_guest_word(w[1]);
    if (!g) return g.error();
    guest_fault f(*g, w[2]);
    if (const auto scope = read_scope(model, w, f); !scope) return scope.error();
    if (w[2] == "ok") {
        std::erase_if(model.faults().guests, [&](const guest_fault& each) { return each.guest == *g; });
        return std::string();
    }
    if (w[2] != "fail" && w[2] != "hang" && w[2] != "slow" && w[2] != "workerkill" && w[2] != "enospc")
        return bad("a restore cannot \"" + w[2] + "\"");
    if (w.size() > 4) return bad("unexpected \"" + w[4] + "\"");
    if (w.size() == 4) {
        const auto at = number(w[3]);
        if (!at || *at < 0 || (f.kind != "slow" && *at > 1)) return bad("\"" + w[3] + "\" is no fraction (like 50%)");
        f.at = *at;
    }
    model.faults().guests.push_back(std::move(f));
    return std::string();
}

/// backup-job G fail|ok [@ N]
result<std::string> backup_job_command(cluster& model, words w) {
    if (w.size() < 3) return bad("backup-job G fail|ok [@ N]");
    const auto g = parse_guest_word(w[1]);
    if (!g) return g.error();
    guest_fault f(*g, "backup-fails");
    if (const auto scope = read_scope(model, w, f); !scope) return scope.error();
    if (w.size() != 3 || (w[2] != "fail" && w[2] != "ok")) return bad("backup-job G fail|ok [@ N]");
    std::erase_if(model.faults().guests,
                  [&](const guest_fault& each) { return each.guest == *g && each.kind == f.kind; });
    if (w[2] == "fail") model.faults().guests.push_back(std::move(f));
    return std::string();
}

result<std::string> lock_command(cluster& model, const words& w) {
    const bool locks = w[0] == "lock";
    if (w.size() != (locks ? 3U : 2U)) return bad("lock G L, unlock G");
    const auto g = parse_guest_word(w[1]);
    if (!g) return g.error();
    const auto where = model.files().find(g->id);
    if (!where) return bad(w[1] + " has no configuration");
    guest_config c = model.config(where->node, where->guest).value_or(guest_config());
    c.set("lock", locks ? w[2] : "");
    if (const auto written = model.files().write(where->node, where->guest, c.text()); !written) return written.error();
    return std::string();
}

result<std::string> token_command(cluster& model, const words& w) {
    access_control& access = model.access();
    if (w.size() == 2 && w[1] == "revoke")
        access.tokens_revoked = true;
    else if (w.size() == 2 && w[1] == "restore")
        access.tokens_revoked = false;
    else if (w.size() == 3 && (w[1] == "deny" || w[1] == "allow") && all_privileges().count(w[2]) != 0)
        w[1] == "deny" ? (void)access.denied.insert(w[2]) : (void)access.denied.erase(w[2]);
    else
        return bad("token revoke|restore|deny PRIV|allow PRIV");
    return std::string();
}

/// As when the cluster's key was changed: everybody with a ticket has to log in again.
result<std::string> ticket_command(cluster& model, const words& w) {
    if (w.size() != 2 || w[1] != "revoke") return bad("ticket revoke");
    model.access().revoke_tickets(model.files().tree());
    return std::string();
}

/// What an administrator does to an account, in user.cfg.
result<std::string> user_command(cluster& model, const words& w) {
    file_tree& tree = model.files().tree();
    user_config config = user_config::parse(tree.read("user.cfg").value_or(""), model.version());
    if (w.size() != 3) return bad("user U disable|enable|expire");
    const auto found = config.users.find(w[1]);
    if (found == config.users.end()) return bad("no user " + w[1]);
    if (w[2] == "disable")
        found->second.enable = false;
    else if (w[2] == "expire")
        found->second.expire = model.wall_now().time_since_epoch().count() - 1;
    else if (w[2] == "enable") {
        found->second.enable = true;
        found->second.expire = 0;
    } else
        return bad("a user cannot \"" + w[2] + "\"");
    tree.write("user.cfg", config.text());
    return std::string();
}

result<std::string> storage_command(cluster& model, const words& w) {
    if (w.size() < 3 || (w.size() > 3 && w[2] != "fails" && w[2] != "slow"))
        return bad("storage S[@N] offline|online|full|hang, storage S slow FACTOR, storage S fails TEXT");
    if (model.storage(storage_id(w[1].substr(0, w[1].find('@')))) == nullptr) return bad("no storage " + w[1]);
    fault_plan& plan = model.faults();
    if (w[2] == "offline")
        plan.storages_offline.insert(w[1]);
    else if (w[2] == "full")
        plan.storages_full.insert(w[1]);
    else if (w[2] == "hang")
        plan.storages_hung.insert(w[1]);
    else if (w[2] == "online") {
        plan.storages_offline.erase(w[1]);
        plan.storages_full.erase(w[1]);
        plan.storages_hung.erase(w[1]);
        plan.storages_failing.erase(w[1]);
        plan.storages_slow.erase(w[1]);
    } else if (w[2] == "slow" && w.size() == 4) {
        const auto factor = number(w[3]);
        if (!factor || *factor < 1) return bad("\"" + w[3] + "\" is no factor (like 2)");
        plan.storages_slow[w[1]] = *factor;
    } else if (w[2] == "fails" && w.size() > 3) {
        std::string text;
        for (std::size_t i = 3; i < w.size(); ++i) text += (text.empty() ? "" : " ") + w[i];
        plan.storages_failing[w[1]] = text;
    } else
        return bad("a storage cannot \"" + w[2] + "\"");
    return std::string();
}

result<std::string> ha_command(cluster& model, const words& w) {
    if (w.size() == 3 && w[1] == "disarm" && w[2] == "freeze") {
        model.ha().command("disarm-ha freeze");
        return std::string();
    }
    if (w.size() == 2 && w[1] == "arm") {
        model.ha().command("arm-ha");
        return std::string();
    }
    if (w.size() != 3 || (w[1] != "add" && w[1] != "del" && w[1] != "error"))
        return bad("ha add|del|error G, ha disarm freeze, ha arm");
    const auto g = parse_guest_word(w[2]);
    if (!g) return g.error();
    if (w[1] == "add")
        model.ha().add(*g);
    else if (w[1] == "error")
        model.ha().fail(*g);
    else
        model.ha().remove(*g);
    return std::string();
}

/// As root would on a node: ha-manager crm-command node-maintenance enable|disable.
result<std::string> maintenance_command(cluster& model, const words& w) {
    if (w.size() != 3 || (w[2] != "on" && w[2] != "off")) return bad("maint N on|off");
    if (model.find_node(node_name(w[1])) == nullptr) return bad("no node " + w[1]);
    model.ha().command(fmt::format("{}-node-maintenance {}", w[2] == "on" ? "enable" : "disable", w[1]));
    return std::string();
}

/// Whoever serves the node (front/https_front.cpp) makes the certificate.
result<std::string> tls_command(cluster& model, const words& w) {
    if (w.size() != 3 || (w[2] != "change" && w[2] != "expired")) return bad("tls N change|expired");
    if (model.find_node(node_name(w[1])) == nullptr) return bad("no node " + w[1]);
    certificate_fault& state = model.faults().certificates[node_name(w[1])];
    ++state.changes;
    state.expired = w[2] == "expired";
    return std::string();
}

/// As if something outside the model held a lock of pmxcfs, and went on refreshing it, until it lets go.
result<std::string> cluster_lock_command(cluster& model, const words& w) {
    if (w.size() != 3 || (w[2] != "hold" && w[2] != "free")) return bad("cfs-lock NAME hold|free");
    const std::string path = "priv/lock/" + w[1];
    if (w[2] == "free")
        model.files().tree().remove(path);
    else if (!model.files().tree().make_directory(path))
        return bad("the lock " + w[1] + " is held already");
    return std::string();
}

}  // namespace

result<std::string> apply_fault(cluster& model, std::string_view command) {
    const words w = split(command);
    if (w.empty()) return bad("empty command");
    result<std::string> done = bad("unknown command \"" + w[0] + "\"");
    if (w[0] == "status") return status_json(model);
    if (w[0] == "guest") done = guest_command(model, w);
    if (w[0] == "restore") done = restore_command(model, w);
    if (w[0] == "lock" || w[0] == "unlock") done = lock_command(model, w);
    if (const auto obey = cluster_fault_command(w[0])) done = obey(model, w);
    if (w[0] == "token") done = token_command(model, w);
    if (w[0] == "ticket") done = ticket_command(model, w);
    if (w[0] == "user") done = user_command(model, w);
    if (w[0] == "storage") done = storage_command(model, w);
    if (w[0] == "backup-job") done = backup_job_command(model, w);
    if (w[0] == "backup") done = apply_backup_fault(model, w);
    if (w[0] == "ha") done = ha_command(model, w);
    if (w[0] == "maint") done = maintenance_command(model, w);
    if (w[0] == "tls") done = tls_command(model, w);
    if (w[0] == "cfs-lock") done = cluster_lock_command(model, w);
    if (done && model.on_change) model.on_change();
    return done;
}

}  // namespace steward::sim
