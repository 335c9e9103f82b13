#pragma once
#include "observe/ledger_writer.hpp"
#include "runtime/parking.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/thread_pool.hpp>

namespace steward {

/// The ledger of production: files in a directory, written by a thread beside the event loop. What cannot be written
/// waits in memory, the newest `most_waiting`, and is tried again; one complaint is logged when that begins, and one
/// line when it is over.
class file_ledger final : public ledger {
  public:
    static constexpr std::size_t most_waiting = 4096;

    file_ledger(time_source& time, std::filesystem::path directory, ledger_limits limits = ledger_limits());
    /// Writes what still waits, once.
    ~file_ledger() override;

    /// Writes until cancelled.
    [[nodiscard]] boost::asio::awaitable<void> run();
    [[nodiscard]] boost::asio::awaitable<result<ledger_page>> read(ledger_query asked) override;
    [[nodiscard]] boost::asio::awaitable<result<ledger_check>> verify() override;
    [[nodiscard]] std::string problem() const override { return problem_; }

  private:
    void append(const decision& d) override;
    void tell(const result<void>& written, const std::string& found, bool is_damage);
    void note_lost();

    time_source& time_;
    std::filesystem::path directory_;
    std::deque<std::string> waiting_;
    std::deque<std::string> writing_;  ///< the thread's while it writes
    std::uint64_t lost_ = 0;           ///< there was no room for so many
    std::string problem_;
    std::string found_;
    parking writer_waits_;
    ledger_writer writer_;  ///< the thread's while it writes
    boost::asio::thread_pool worker_{1};
};

}  // namespace steward
