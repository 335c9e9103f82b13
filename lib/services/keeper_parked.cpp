#include "base/log.hpp"
#include "services/keeper.hpp"

#include <algorithm>
#include <fmt/core.h>

/// What is left of guests that were handed over.
namespace steward {
namespace asio = boost::asio;

asio::awaitable<result<std::vector<failover::parked_config>>> keeper::parked() {
    const auto files = co_await world_.store.load_parked();
    if (!files) co_return files.error();
    std::vector<failover::parked_config> all;
    for (const stored_record& f : *files)
        if (auto p = failover::read_parked(f.name, f.text)) all.push_back(std::move(*p));
    co_return all;
}

/// A change of it takes a leader, and a guest that is not just being handed over.
asio::awaitable<result<failover::parked_config>> keeper::parked_to_change(std::string name) {
    if (auto leads = must_lead(); !leads) co_return leads.error();
    if (auto armed = must_be_armed(); !armed) co_return armed.error();
    const auto all = co_await parked();
    if (!all) co_return all.error();
    const auto found = std::find_if(all->begin(), all->end(), [&](const auto& p) { return p.name == name; });
    if (found == all->end())
        co_return fault(errc::not_found, "", fmt::format("nothing is parked as {}; see steward parked list", name));
    const guest_keeper* known = find(found->guest);
    if (known != nullptr && failover::is_in_flight(known->state().saved.at))
        co_return fault(errc::refused, "",
                        fmt::format("a hand-over of {} is under way ({})", to_string(found->guest),
                                    failover::name_of(known->state().saved.at)));
    co_return *found;
}

asio::awaitable<result<void>> keeper::restore_parked(std::string name, std::string by) {
    const auto found = co_await parked_to_change(name);
    if (!found) co_return found.error();
    guard::request what;
    what.guest = found->guest;
    what.source = found->source;
    what.generation = found->generation;
    const auto done = co_await world_.store.unpark(std::move(what));
    if (!done) co_return done;
    log::warning("parked.restored", {{"guest", to_string(found->guest)}, {"node", found->source.str()}, {"by", by}});
    co_return result<void>();
}

asio::awaitable<result<void>> keeper::remove_parked(std::string name, std::string typed_again, std::string by) {
    // It cannot be taken back (reliability I3): whoever wants it says so twice.
    if (typed_again != name)
        co_return fault(errc::refused, "", "unconfirmed: the name was not typed again, and nothing was done");
    const auto found = co_await parked_to_change(name);
    if (!found) co_return found.error();
    // Without another one it is the only trace of the guest and of where its disks are.
    const auto* row = sight_.view ? sight_.view->find(found->guest) : nullptr;
    if (row == nullptr)
        co_return fault(
            errc::refused, "",
            fmt::format("{} exists nowhere else: this is all that tells where its disks are. steward parked "
                        "restore {} brings it back",
                        to_string(found->guest), name));
    guard::request what;
    what.guest = found->guest;
    what.source = found->source;
    what.generation = found->generation;
    const auto done = co_await world_.store.discard(std::move(what));
    if (!done) co_return done;
    log::warning("parked.removed", {{"guest", to_string(found->guest)}, {"node", found->source.str()}, {"by", by}});
    co_return result<void>();
}

}  // namespace steward
