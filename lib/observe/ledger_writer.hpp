#pragma once
#include "observe/ledger_files.hpp"

#include <deque>
#include <filesystem>
#include <string>

namespace steward {

/// How much is kept.
class ledger_limits {
  public:
    std::size_t largest_file = 1U << 20U;  ///< bytes; then a new one is begun
    std::size_t most_files = 16;           ///< then the oldest goes
};

/// Writes the ledger's files. Everything here blocks, and there is one writer: whoever holds the lock of `state_dir`.
class ledger_writer {
  public:
    ledger_writer(std::filesystem::path directory, ledger_limits limits)
        : directory_(std::move(directory)), limits_(limits) {}
    ~ledger_writer();
    ledger_writer(const ledger_writer&) = delete;
    ledger_writer& operator=(const ledger_writer&) = delete;

    /// Appends and makes them last (fdatasync), in front of the queue what was not yet. Those that are written leave
    /// the queue. After an error nothing half-written is left behind, as far as the disk lets it.
    [[nodiscard]] result<void> append(std::deque<std::string>& queue, wall_time now);
    /// What the last opening found and did, for the log: "" when all was well.
    [[nodiscard]] const std::string& found() const { return found_; }
    /// The chain does not hold where the last writer stopped: somebody, or the disk, has changed it.
    [[nodiscard]] bool found_damage() const { return found_damage_; }
    [[nodiscard]] const std::string& head() const { return head_; }
    [[nodiscard]] std::uint64_t sequence() const { return sequence_; }

  private:
    [[nodiscard]] result<void> open(wall_time now);
    [[nodiscard]] result<void> go_on_from(const ledger_files::file& last);
    [[nodiscard]] result<void> begin_file(std::uint64_t number, wall_time now, const std::string& why);
    [[nodiscard]] result<void> write(const std::string& text);
    void drop_oldest();
    void close();

    std::filesystem::path directory_;
    ledger_limits limits_;
    int file_ = -1;
    std::uint64_t number_ = 0;
    std::size_t size_ = 0;
    std::uint64_t sequence_ = 0;
    std::string head_;
    std::string found_;
    bool found_damage_ = false;
};

}  // namespace steward
