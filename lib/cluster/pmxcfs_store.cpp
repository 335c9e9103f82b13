#include "cluster/pmxcfs_store.hpp"

#include "base/key_lines.hpp"

#include <algorithm>

namespace steward {
namespace asio = boost::asio;

namespace {

result<void> only_whether(const result<guard::reply>& answer) {
    if (!answer) return answer.error();
    return {};
}

result<bool> its_yes(const result<guard::reply>& answer) {
    if (!answer) return answer.error();
    return answer->yes;
}

}  // namespace

pmxcfs_store::pmxcfs_store(time_source& time, std::string guard_socket, std::function<std::uint64_t()> epoch)
    : guard_(time, std::move(guard_socket)), epoch_(std::move(epoch)) {}

asio::awaitable<result<guard::reply>> pmxcfs_store::ask(guard::verb verb, std::string name, std::string text) {
    guard::request r;
    r.what = verb;
    r.name = std::move(name);
    r.text = std::move(text);
    r.epoch = epoch_();
    auto answer = co_await guard_.ask(std::move(r));
    co_return answer;
}

asio::awaitable<result<guard::reply>> pmxcfs_store::change(guard::verb verb, guard::request what) {
    what.what = verb;
    what.epoch = epoch_();
    auto answer = co_await guard_.ask(std::move(what));
    co_return answer;
}

asio::awaitable<result<std::vector<stored_record>>> pmxcfs_store::load_records() {
    return load_through(guard_, "records");
}

asio::awaitable<result<void>> pmxcfs_store::save_record(std::string name, std::string text) {
    const auto answer = co_await ask(guard::verb::save, "records/" + name, std::move(text));
    co_return only_whether(answer);
}

asio::awaitable<result<bool>> pmxcfs_store::claim(std::string name) {
    const auto answer = co_await ask(guard::verb::claim, "claims/" + name);
    co_return its_yes(answer);
}

asio::awaitable<result<void>> pmxcfs_store::check_parking() {
    const auto answer = co_await change(guard::verb::check, guard::request());
    co_return only_whether(answer);
}

asio::awaitable<result<std::string>> pmxcfs_store::park(guard::request what) {
    const auto answer = co_await change(guard::verb::park, std::move(what));
    if (!answer) co_return answer.error();
    co_return answer->path;
}

asio::awaitable<result<void>> pmxcfs_store::unpark(guard::request what) {
    const auto answer = co_await change(guard::verb::unpark, std::move(what));
    co_return only_whether(answer);
}

asio::awaitable<result<void>> pmxcfs_store::relocate(guard::request what) {
    const auto answer = co_await change(guard::verb::relocate, std::move(what));
    co_return only_whether(answer);
}

asio::awaitable<result<std::vector<stored_record>>> pmxcfs_store::load_parked() {
    return load_through(guard_, "parked");
}

asio::awaitable<result<void>> pmxcfs_store::discard(guard::request what) {
    const auto answer = co_await change(guard::verb::discard, std::move(what));
    co_return only_whether(answer);
}

asio::awaitable<result<void>> pmxcfs_store::unlock(guard::request what) {
    const auto answer = co_await change(guard::verb::unlock, std::move(what));
    co_return only_whether(answer);
}

asio::awaitable<result<std::string>> pmxcfs_store::say(daemon_words words) {
    const auto answer = co_await ask(guard::verb::say, "", to_text(words));
    if (!answer) co_return answer.error();
    co_return answer->text;
}

asio::awaitable<result<lease_sight>> pmxcfs_store::look() {
    lease_sight seen;
    auto leases = co_await load_through(guard_, "nodes");
    if (!leases) co_return leases.error();
    seen.leases = std::move(*leases);
    const auto epochs = co_await names_through(guard_, "epoch");
    if (!epochs) co_return epochs.error();
    seen.highest_epoch = highest_number(*epochs);
    const auto lock = co_await ask(guard::verb::lock, "look");
    if (!lock) co_return lock.error();
    seen.lock.is_held = lock->yes;
    seen.lock.stamp = lock->text;
    co_return seen;
}

asio::awaitable<result<void>> pmxcfs_store::acquire_lock(bool ask_expiry) {
    const auto answer = co_await ask(guard::verb::lock, ask_expiry ? "ask" : "take");
    co_return only_whether(answer);
}

asio::awaitable<result<void>> pmxcfs_store::renew_lock() {
    const auto answer = co_await ask(guard::verb::lock, "renew");
    co_return only_whether(answer);
}

asio::awaitable<result<void>> pmxcfs_store::release_lock() {
    const auto answer = co_await ask(guard::verb::lock, "release");
    co_return only_whether(answer);
}

asio::awaitable<result<bool>> pmxcfs_store::claim_epoch(std::uint64_t epoch) {
    const auto answer = co_await ask(guard::verb::claim, "epoch/" + std::to_string(epoch));
    co_return its_yes(answer);
}

asio::awaitable<result<std::optional<std::string>>> pmxcfs_store::read_config(node_name node, guest_id guest) {
    guard::request r;
    r.what = guard::verb::config;
    r.guest = guest;
    r.source = std::move(node);
    const auto answer = co_await guard_.ask(std::move(r));
    if (!answer) co_return answer.error();
    if (!answer->yes) co_return std::optional<std::string>();
    co_return std::optional<std::string>(answer->text);
}

asio::awaitable<result<void>> pmxcfs_store::write_confirmation(node_name node, std::string text) {
    const auto answer = co_await ask(guard::verb::save, "fence/" + node.str(), std::move(text));
    co_return only_whether(answer);
}

asio::awaitable<result<std::string>> pmxcfs_store::read_confirmation(node_name node) {
    const auto answer = co_await ask(guard::verb::read, "fence/" + node.str());
    if (!answer) co_return answer.error();
    co_return answer->text;
}

}  // namespace steward
