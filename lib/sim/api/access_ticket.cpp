#include "sim/api/access.hpp"
#include "sim/model/second_factors.hpp"

#include <boost/json/object.hpp>

#include <algorithm>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

/// Which privileges the interface wants to know of in an area of the tree; a path counts for the area it is in, "/" for
/// the datacenter (recorded: auth-10, auth-12).
class area {
  public:
    const char* name;
    const char* path;
    std::vector<const char*> stems;
};

const std::vector<area>& areas() {
    static const std::vector<area> all = {
        {"vms", "/vms", {"VM.", "Permissions.Modify"}},
        {"access", "/access/groups", {"User.", "Group.", "Permissions.Modify"}},
        {"storage", "/storage", {"Datastore.", "Permissions.Modify"}},
        {"nodes", "/nodes", {"Sys.", "Permissions.Modify"}},
        {"sdn", "/sdn", {"SDN.", "Permissions.Modify"}},
        {"dc", "/", {"Sys.Audit", "Sys.Modify", "SDN."}},
        {"mapping", "/mapping", {"Mapping.", "Permissions.Modify"}},
    };
    return all;
}

void add_matching(json::object& cap, const area& where, const held_privileges& held) {
    json::object& known = cap[where.name].as_object();
    for (const auto& [privilege, propagate] : held)
        if (std::any_of(where.stems.begin(), where.stems.end(),
                        [&name = privilege](const char* stem) { return name.starts_with(stem); }))
            known[privilege] = 1;
}

/// What the ticket's `cap` lists, by area (pve-facts A.1).
json::object capabilities(const call& c, const identity& who) {
    json::object cap;
    for (const area& a : areas())
        if (c.model.version().major >= 8 || std::string_view(a.name) != "mapping") cap[a.name] = json::object();
    std::vector<std::string> paths;
    for (const area& a : areas()) paths.emplace_back(a.path);
    for (const auto& [path, node] : c.model.access().users().acl) paths.push_back(path);
    for (const std::string& path : paths) {
        const std::string top = path == "/" ? "dc" : path.substr(1, path.find('/', 1) - 1);
        const held_privileges held = c.model.access().privileges(who, path);
        for (const area& a : areas()) {
            const bool in_pool = top == "pool" && (a.path == std::string("/vms") || a.path == std::string("/storage"));
            if ((top == a.name || in_pool) && cap.contains(a.name)) add_matching(cap, a, held);
        }
    }
    return cap;
}

/// Every refusal is the same, so that nobody learns which users there are.
reply refused() {
    reply r = error(401, "authentication failure");
    r.delay = std::chrono::seconds(3);
    return r;
}

enum class entry { refused, asked_for_second_factor, granted };

class login_attempt {
  public:
    login_attempt(call& c, std::string user)
        : c_(c), user_(std::move(user)), now_(c.model.wall_now(c.at)), access_(c.model.access()) {}

    [[nodiscard]] const std::string& user() const { return user_; }
    [[nodiscard]] const std::string& challenge() const { return challenge_; }

    /// A password or the ticket of the same user (or of root@pam, when a ticket is to be made from it).
    entry decide(bool root_may_be_anybody) {
        if (!access_.check_user(user_, now_)) return entry::refused;
        if (c_.has("tfa-challenge")) return answer_challenge();
        const auto holder = access_.user_of_ticket(c_.get("password"), now_);
        if (holder && (*holder == user_ || (root_may_be_anybody && *holder == "root@pam"))) return entry::granted;
        if (!access_.is_password(c_.at, user_, c_.get("password"))) return entry::refused;
        const auto factors = read_factors();
        const auto kinds = factors.challenge(user_);
        if (c_.has("otp")) return kinds ? verify(factors, c_.get("otp")) : entry::refused;
        if (!kinds) return entry::granted;
        challenge_ = *kinds;
        return entry::asked_for_second_factor;
    }

  private:
    [[nodiscard]] second_factors read_factors() const {
        return second_factors::parse(c_.files().tree().read("priv/tfa.cfg").value_or(""));
    }

    entry answer_challenge() {
        if (c_.has("otp") || !access_.is_challenge(user_, c_.get("tfa-challenge"), now_)) return entry::refused;
        return verify(read_factors(), c_.get("password"));
    }

    /// What was tried is written down, so it takes quorum.
    entry verify(second_factors factors, const std::string& response) {
        if (!c_.model.is_quorate(c_.at)) return entry::refused;
        const bool is_right = factors.verify(user_, response, now_);
        c_.model.files().tree().write("priv/tfa.cfg", factors.text());
        return is_right ? entry::granted : entry::refused;
    }

    call& c_;
    std::string user_;
    wall_time now_;
    access_control& access_;
    std::string challenge_;
};

reply create_ticket(call& c) {
    std::string user = c.get("username");
    if (c.has("realm")) user += "@" + c.get("realm");
    const bool is_check_only = c.has("path") && c.has("privs");
    login_attempt attempt(c, user);
    const entry how = attempt.decide(!is_check_only);
    if (how == entry::refused || (is_check_only && how != entry::granted)) return refused();
    const wall_time now = c.model.wall_now(c.at);
    const identity who(user);
    const access_control& access = c.model.access();
    json::object data{{"username", user}};
    if (is_check_only) {
        const auto path = normalised_acl_path(c.get("path"));
        for (const std::string& privilege : c.list("privs"))
            if (!path || !access.has(who, *path, privilege)) return refused();
    } else {
        data["ticket"] = how == entry::granted ? access.make_ticket(user, now)
                                               : access.make_challenge(user, attempt.challenge(), now);
        data["CSRFPreventionToken"] = access.make_csrf(user, now);
    }
    if (how == entry::granted)
        data["cap"] = capabilities(c, who);
    else
        data["NeedTFA"] = 1;
    if (c.model.nodes().size() > 1 && access.has(who, "/", "Sys.Audit"))
        data["clustername"] = c.model.configured().cluster_name;
    return ok(std::move(data));
}

/// Only there so that a formatter can show a form.
reply ticket_form(call&) { return ok(nullptr); }

}  // namespace

const std::vector<route>& ticket_routes() {
    static const std::vector<route> routes = {
        {"GET", "/access/ticket", ticket_form},
        {"POST", "/access/ticket", create_ticket},
    };
    return routes;
}

}  // namespace steward::sim::api
