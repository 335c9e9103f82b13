#pragma once
#include "observe/ledger.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include <cstdint>

/// The ledger as JSON: for the control socket, and for a command line that reads the files itself.
namespace steward::api {

inline constexpr std::int64_t most_ledger_lines = 10000;
/// So many of a guest's last decisions are in `steward why`.
inline constexpr std::size_t decisions_of_why = 8;

/// {"decisions": [...], "unreadable": 0, "problem": "why none can be written now"}
[[nodiscard]] boost::json::object ledger_view(const ledger_page& page);
[[nodiscard]] boost::json::object ledger_check_view(const ledger_check& check);

/// The same from a daemon's ledger. Errors: `unavailable` (it keeps none), what reading gives.
[[nodiscard]] boost::asio::awaitable<result<boost::json::object>> ledger_answer(ledger* book, ledger_query asked);
[[nodiscard]] boost::asio::awaitable<result<boost::json::object>> ledger_check_answer(ledger* book);

}  // namespace steward::api
