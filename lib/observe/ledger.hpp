#pragma once
#include "base/decision.hpp"
#include "base/result.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace steward {

/// What somebody wants to read.
class ledger_query {
  public:
    ledger_query() = default;
    ledger_query(std::string a, std::size_t m) : about(std::move(a)), most(m) {}
    std::string about;       ///< "ct/101"; "": everything
    wall_time since{};       ///< not older than that
    std::size_t most = 100;  ///< the newest so many
};

/// Lines of the ledger, oldest first.
class ledger_page {
  public:
    std::vector<std::string> lines;  ///< JSON objects
    std::uint64_t unreadable = 0;    ///< lines that are none
};

/// Whether the chain is whole.
class ledger_check {
  public:
    std::uint64_t lines = 0;
    std::uint64_t files = 0;
    std::uint64_t first = 0;  ///< number of the oldest line that is there
    std::uint64_t last = 0;
    std::string anchor;  ///< what the oldest line follows; all zeros: it is the first of all
    std::string head;    ///< hash of the newest line: whoever keeps it elsewhere can tell whether the end was cut off
    std::string broken;  ///< "FILE:LINE: why", the first link that does not hold; "": all do
    std::string note;    ///< a last line that is being written or was torn
};

/// Where decisions are kept. Never an input of one.
class ledger {
  public:
    virtual ~ledger() = default;
    /// Never waits and never fails; what was decided about the same thing just before, in the same words but for
    /// numbers, is only counted for an hour.
    void add(decision d);
    [[nodiscard]] virtual boost::asio::awaitable<result<ledger_page>> read(ledger_query asked) = 0;
    [[nodiscard]] virtual boost::asio::awaitable<result<ledger_check>> verify() = 0;
    /// Why nothing can be written at the moment; "": it can.
    [[nodiscard]] virtual std::string problem() const { return {}; }

    std::string node;  ///< who decides

  private:
    virtual void append(const decision& d) = 0;

    class last_words {
      public:
        std::string text;
        wall_time written{};
        std::uint64_t repeats = 0;
    };
    std::map<std::string, last_words> last_;
};

/// "2h" before now, "2026-11-28", "2026-11-28T07:30", "2026-11-28T07:30:00Z" (UTC). `invalid` says what is meant.
[[nodiscard]] result<wall_time> parse_since(std::string_view text, wall_time now);

/// The newest ones, in memory: for tests and simulations.
class memory_ledger final : public ledger {
  public:
    [[nodiscard]] boost::asio::awaitable<result<ledger_page>> read(ledger_query asked) override;
    [[nodiscard]] boost::asio::awaitable<result<ledger_check>> verify() override;
    [[nodiscard]] const std::deque<decision>& all() const { return all_; }
    /// There were more than it keeps.
    [[nodiscard]] bool has_forgotten() const { return has_forgotten_; }

  private:
    static constexpr std::size_t most = 4096;
    void append(const decision& d) override;
    std::deque<decision> all_;
    bool has_forgotten_ = false;
};

}  // namespace steward
