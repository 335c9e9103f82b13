#include "sim/model_store.hpp"

#include "base/key_lines.hpp"

#include <fmt/core.h>

namespace steward::sim {
namespace asio = boost::asio;

namespace {
const std::string record_directory = "priv/steward/records";
const std::string epoch_directory = "priv/steward/epoch";
const std::string claim_directory = "priv/steward/fo";
const std::string parked_directory = "priv/steward/parked";

fault no_guard() { return fault(errc::unavailable, "guard", "steward-guard does not answer"); }
}  // namespace

model_store::model_store(cluster& model, time_source& time, node_name node)
    : model_(model), time_(time), node_(std::move(node)) {}

asio::awaitable<void> model_store::reach_store() {
    co_await time_.sleep_for(latency);
    model_.advance_to(time_.now());
}

asio::awaitable<void> wait_until_writable(cluster& model, time_source& time, node_name node, duration latency) {
    const auto slow = model.faults().slow_files.find(node);
    const duration needed = slow == model.faults().slow_files.end() ? latency : slow->second;
    co_await time.sleep_for(needed);
    model.advance_to(time.now());
    // As the system call does: it returns when the membership has been agreed on.
    while (model.is_blocked(node)) {
        co_await time.sleep_for(std::chrono::milliseconds(100));
        model.advance_to(time.now());
    }
}

result<void> model_store::writable() const {
    if (!model_.is_quorate(node_)) return fault(errc::no_quorum, "pmxcfs", "Permission denied");
    const std::uint64_t newest = highest_number(model_.files(node_).tree().list(epoch_directory));
    const std::uint64_t ours = leads_in ? leads_in() : newest;
    if (ours == newest) return {};
    return fault(errc::no_quorum, "guard",
                 fmt::format("asked in epoch {}, but the cluster is led in epoch {}", ours, newest));
}

asio::awaitable<result<std::vector<stored_record>>> model_store::load_records() {
    co_await reach_store();
    auto files = model_.files(node_).tree().files_in(record_directory);
    std::vector<stored_record> records;
    records.reserve(files.size());
    for (auto& [name, text] : files) records.emplace_back(std::move(name), std::move(text));
    co_return records;
}

asio::awaitable<result<void>> model_store::save_record(std::string name, std::string text) {
    co_await wait_until_writable(model_, time_, node_, latency);
    if (text.size() > 4096) co_return fault(errc::invalid, "save " + name, "longer than 4096 bytes");
    if (auto ready = writable(); !ready) co_return ready;
    if (model_.faults().files_full) co_return fault(errc::io, "pmxcfs", "No space left on device");
    model_.files().tree().write(record_directory + "/" + name, text);
    co_return result<void>();
}

asio::awaitable<result<bool>> model_store::claim(std::string name) {
    co_await wait_until_writable(model_, time_, node_, latency);
    if (auto ready = writable(); !ready) co_return ready.error();
    co_return model_.files().tree().make_directory(claim_directory + "/" + name);
}

asio::awaitable<result<void>> model_store::check_parking() {
    co_await reach_store();
    if (!guard_answers) co_return no_guard();
    co_return result<void>();
}

asio::awaitable<result<std::string>> model_store::park(guard::request what) {
    co_await wait_until_writable(model_, time_, node_, latency);
    if (!guard_answers) co_return no_guard();
    if (auto ready = writable(); !ready) co_return ready.error();
    if (model_.faults().ebusy_step != "park") co_return model_.park(what);
    model_.faults().ebusy_step.clear();
    if (model_.faults().is_ebusy_applied) (void)model_.park(what);
    co_return fault(errc::outcome_unknown, "park", "Device or resource busy");
}

asio::awaitable<result<void>> model_store::unpark(guard::request what) {
    co_await wait_until_writable(model_, time_, node_, latency);
    if (!guard_answers) co_return no_guard();
    co_return model_.unpark(what);
}

asio::awaitable<result<std::vector<stored_record>>> model_store::load_parked() {
    co_await reach_store();
    if (!guard_answers) co_return no_guard();
    const file_tree& tree = model_.files(node_).tree();
    std::vector<stored_record> all;
    for (const std::string& name : tree.list(parked_directory))
        all.emplace_back(name, tree.read(parked_directory + ("/" + name)).value_or(""));
    co_return all;
}

asio::awaitable<result<void>> model_store::discard(guard::request what) {
    co_await wait_until_writable(model_, time_, node_, latency);
    if (!guard_answers) co_return no_guard();
    if (auto ready = writable(); !ready) co_return ready;
    const std::string path = guard::parked_path(what.guest.id, what.source, what.generation);
    if (!model_.files().tree().remove(path)) co_return fault(errc::not_found, "discard", path + " does not exist");
    co_return result<void>();
}

asio::awaitable<result<void>> model_store::unlock(guard::request what) {
    co_await wait_until_writable(model_, time_, node_, latency);
    if (!guard_answers) co_return no_guard();
    if (auto ready = writable(); !ready) co_return ready;
    if (leads_in) what.epoch = leads_in();
    co_return model_.unlock(what);
}

asio::awaitable<result<void>> model_store::relocate(guard::request what) {
    co_await wait_until_writable(model_, time_, node_, latency);
    if (!guard_answers) co_return no_guard();
    co_return model_.relocate(what);
}

}  // namespace steward::sim
