#include "sim/scenario/commands.hpp"
#include "sim/scenario/lab.hpp"

#include <string_view>

/// What an operator consents to, or does not, and what somebody leaves behind in the leader's lock.
namespace steward::sim::scenario {

/// Has the run of the lab.
class consent_commands {
  public:
    explicit consent_commands(lab& where) : lab_(where) {}

    std::optional<result<void>> handle(const words& w) {
        if (w.size() < 3) return std::nullopt;
        const std::string& verb = w[1];
        if (verb == "touch") return touch(w[2]);
        if (verb != "gc" && verb != "approve-token" && verb != "use-saved-token") return std::nullopt;
        const auto guest = lab_.guest_named(w[2]);
        if (!guest) return result<void>(guest.error());
        if (verb == "gc") return collect_garbage(*guest);
        return verb == "approve-token" ? save_token(*guest) : use_token(*guest);
    }

  private:
    keeper* leading() {
        virtual_daemon* leader = lab_.leader();
        return leader == nullptr ? nullptr : &leader->all();
    }

    static void reject(lab* stage, guest_id guest, const char* verb, std::string why) {
        happening h(stage->time_.now() - stage->zero_, sight::reject);
        h.guest = short_name(guest);
        h.name = verb;
        h.text = std::move(why);
        stage->watcher_.note(std::move(h));
    }

    /// op touch lock/leader/x: somebody puts a file into the leader's lock
    result<void> touch(const std::string& path) {
        constexpr std::string_view lock = "lock/leader/";
        if (!path.starts_with(lock) || path.size() == lock.size()) return wrong("op touch lock/leader/NAME");
        lab_.model_.files().tree().write("priv/lock/steward-leader/" + path.substr(lock.size()), "");
        return {};
    }

    /// op approve-token G saved
    result<void> save_token(guest_id guest) {
        keeper* all = leading();
        if (all == nullptr) return wrong("op approve-token: nobody leads");
        const auto token = all->approval_token(guest);
        if (!token) return token.error();
        lab_.tokens_[guest] = *token;
        return {};
    }

    /// op use-saved-token G
    result<void> use_token(guest_id guest) {
        const auto token = lab_.tokens_.find(guest);
        if (token == lab_.tokens_.end()) return wrong("op use-saved-token: none was saved");
        keeper* all = leading();
        if (all == nullptr) return {};
        if (const auto done = all->approve(guest, false, token->second); !done)
            reject(&lab_, guest, "approve", done.error().text());
        return {};
    }

    static boost::asio::awaitable<void> remove_parked(lab* stage, keeper& all, guest_id guest) {
        const auto parked = co_await all.parked();
        result<void> done = fault(errc::not_found, "gc", "nothing of it is parked");
        for (const failover::parked_config& p : parked ? *parked : std::vector<failover::parked_config>()) {
            if (p.guest != guest) continue;
            // steward parked remove, without the name typed again
            done = co_await all.remove_parked(p.name, "", "root");
        }
        if (!parked) done = parked.error();
        if (done) co_return;
        reject(stage, guest, "gc", done.error().text());
    }

    /// op gc G: whoever runs it has not confirmed it
    result<void> collect_garbage(guest_id guest) {
        if (keeper* all = leading()) lab_.leader()->spawn("gc", remove_parked(&lab_, *all, guest));
        return {};
    }

    lab& lab_;
};

std::optional<result<void>> handle_consent(lab& where, const words& w) { return consent_commands(where).handle(w); }

}  // namespace steward::sim::scenario
