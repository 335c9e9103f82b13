#include "core/lease/votes.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::lease {

namespace {

enum class ballot { up, down, unsure, silent };

bool contains(const std::vector<guest_id>& all, guest_id one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

/// Nothing when that node has no vote at all.
std::optional<ballot> vote_of(const node_name& node, guest_id guest, const observers& who, time_point now) {
    const node_lease* l = who.leases.last(node);
    const auto silence = who.leases.silence(node, now);
    if (l == nullptr || !silence) return std::nullopt;
    if (*silence >= freshest_vote) {
        // A node that is there, and whose daemon does not say anything, is one more that has not said down.
        if (who.gone.count(node) != 0) return std::nullopt;
        return ballot::silent;
    }
    if (!l->is_fit || l->config_digest != who.digest) return ballot::unsure;
    if (contains(l->down, guest)) {
        const bool has_looked = !who.asked || l->answers >= *who.asked;
        return has_looked ? ballot::down : ballot::unsure;
    }
    return contains(l->unsure, guest) ? ballot::unsure : ballot::up;
}

ballot own_vote(const health::summary& own) {
    if (own.now == health::standing::down) return ballot::down;
    return own.now == health::standing::up ? ballot::up : ballot::unsure;
}

void add(std::string& list, const node_name& node, const char* what = "") {
    list += (list.empty() ? "" : ", ") + node.str() + what;
}

/// All of them counted.
class count {
  public:
    count(guest_id guest, const health::summary& own, const node_name& home, const observers& who, time_point now)
        : is_up_at_home(home == who.self && own_vote(own) == ballot::up) {
        if (own_vote(own) == ballot::down) {
            ++down;
            add(downs, who.self);
        }
        for (const node_name& n : who.nodes) {
            if (n == who.self) continue;
            has_company = has_company || who.gone.count(n) == 0;
            const auto vote = vote_of(n, guest, who, now);
            if (!vote) continue;
            ++voters;
            take(n, *vote, home);
        }
    }

    int voters = 1;
    int down = 0;
    bool is_up_at_home;
    bool is_up_somewhere = false;
    bool has_company = false;  ///< some other node is in the cluster
    std::string downs;
    std::string others;

  private:
    void take(const node_name& n, ballot vote, const node_name& home) {
        switch (vote) {
            case ballot::down:
                ++down;
                add(downs, n);
                return;
            case ballot::up:
                is_up_somewhere = true;
                is_up_at_home = is_up_at_home || n == home;
                add(others, n, " finds it up");
                return;
            case ballot::unsure: add(others, n, " cannot say"); return;
            case ballot::silent: add(others, n, " is silent"); return;
        }
    }
};

}  // namespace

opinion opinion_of(guest_id guest, const health::summary& own, const node_name& home, const observers& who,
                   time_point now) {
    const count votes(guest, own, home, who, now);
    opinion out;
    out.all = own;
    // Nobody else is there who could be asked.
    if (votes.voters == 1 && !votes.has_company) return out;
    if (2 * votes.down > votes.voters && votes.voters > 1) {
        out.all.now = health::standing::down;
        out.all.reason = fmt::format("{} find it down: {}", votes.downs, own.reason);
        if (votes.is_up_at_home)
            out.path_problem = fmt::format("{} find {} down, but on its own node {} it answers", votes.downs,
                                           to_string(guest), home.str());
        return out;
    }
    if (own.now != health::standing::down) return out;
    out.all.now = health::standing::suspicious;
    out.alone = fmt::format("only {} find it down; {}: {}", votes.downs,
                            votes.others.empty() ? "no other daemon watches it" : votes.others, own.reason);
    out.all.reason = out.alone;
    out.is_contradicted = votes.is_up_somewhere;
    return out;
}

bool is_seen_alive(guest_id guest, const node_name& home, const observers& who, time_point now) {
    return std::any_of(who.nodes.begin(), who.nodes.end(), [&](const node_name& n) {
        return n != who.self && n != home && vote_of(n, guest, who, now) == ballot::up;
    });
}

}  // namespace steward::lease
