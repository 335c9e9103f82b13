#include "observe/file_ledger.hpp"

#include "base/log.hpp"
#include "observe/ledger_line.hpp"
#include "runtime/offload.hpp"

#include <fmt/core.h>

namespace steward {
namespace asio = boost::asio;
namespace {

constexpr duration before_another_try = std::chrono::seconds(5);

}  // namespace

file_ledger::file_ledger(time_source& time, std::filesystem::path directory, ledger_limits limits)
    : time_(time), directory_(std::move(directory)), writer_(directory_, limits) {}

file_ledger::~file_ledger() {
    worker_.join();
    note_lost();
    writing_.insert(writing_.end(), waiting_.begin(), waiting_.end());
    if (writing_.empty()) return;
    const auto written = writer_.append(writing_, time_.wall_now());
    if (!written)
        log::error("ledger.unwritten",
                   {{"lines", std::to_string(writing_.size())}, {"reason", written.error().text()}});
}

void file_ledger::append(const decision& d) {
    waiting_.push_back(ledger_line::to_json(d));
    if (waiting_.size() > most_waiting) {
        waiting_.pop_front();
        ++lost_;
    }
    writer_waits_.wake();
}

/// A gap is said in the ledger itself.
void file_ledger::note_lost() {
    if (lost_ == 0) return;
    decision gap;
    gap.when = time_.wall_now();
    gap.node = node;
    gap.kind = "ledger";
    gap.verdict = "lost";
    gap.text = fmt::format("{} decisions before the next line are missing: they could not be written in time", lost_);
    lost_ = 0;
    waiting_.push_front(ledger_line::to_json(gap));
}

asio::awaitable<void> file_ledger::run() {
    for (;;) {
        while (waiting_.empty() && writing_.empty()) co_await writer_waits_.wait();
        note_lost();
        writing_.insert(writing_.end(), std::make_move_iterator(waiting_.begin()),
                        std::make_move_iterator(waiting_.end()));
        waiting_.clear();
        const wall_time now = time_.wall_now();
        const auto work = [this, now] { return writer_.append(writing_, now); };
        const auto written = co_await offload(worker_, work);
        tell(written, writer_.found(), writer_.found_damage());
        if (written) continue;
        // Those that could not be written are the first to go when there are too many.
        waiting_.insert(waiting_.begin(), std::make_move_iterator(writing_.begin()),
                        std::make_move_iterator(writing_.end()));
        writing_.clear();
        co_await time_.sleep_for(before_another_try);
    }
}

void file_ledger::tell(const result<void>& written, const std::string& found, bool is_damage) {
    if (found != found_ && !found.empty()) {
        if (is_damage)
            log::error("alert", {{"code", "ledger_damaged"}, {"reason", found}});
        else
            log::warning("ledger.recovered", {{"reason", found}});
    }
    found_ = found;
    const std::string problem = written ? std::string() : written.error().text();
    if (!problem.empty() && problem_.empty())
        log::error("alert",
                   {{"code", "ledger_unwritable"},
                    {"reason", problem + "; decisions are kept in memory, and guests are looked after as before"}});
    if (problem.empty() && !problem_.empty()) log::info("ledger.writable");
    problem_ = problem;
}

asio::awaitable<result<ledger_page>> file_ledger::read(ledger_query asked) {
    const auto work = [directory = directory_, asked] { return ledger_files::read(directory, asked); };
    auto page = co_await offload(worker_, work);
    co_return page;
}

asio::awaitable<result<ledger_check>> file_ledger::verify() {
    const auto work = [directory = directory_] { return ledger_files::verify(directory); };
    auto check = co_await offload(worker_, work);
    co_return check;
}

}  // namespace steward
