#pragma once
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace steward::log {

enum class level { debug, info, warning, error };

/// One `key=value`. Keys are the same everywhere: guest, node, event, from, to, reason, upid, took…
class field {
  public:
    field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
    std::string_view key;  ///< a string literal
    std::string value;
};

/// One event: a stable dotted name ("failover.phase") and its fields.
class event {
  public:
    event(level l, std::string_view n, std::vector<field> f) : severity(l), name(n), fields(std::move(f)) {}
    level severity;
    std::string_view name;
    std::vector<field> fields;
};

/// Where events go; set once by `main`. Without a sink events are dropped (unit tests).
using sink = std::function<void(const event&)>;
void set_sink(sink where, level lowest);

void debug(std::string_view name, std::vector<field> fields = {});
void info(std::string_view name, std::vector<field> fields = {});
void warning(std::string_view name, std::vector<field> fields = {});
void error(std::string_view name, std::vector<field> fields = {});

/// `failover.phase guest=ct/101 from=suspect reason="connection refused"`: quotes only where needed.
[[nodiscard]] std::string to_line(const event& e);

}  // namespace steward::log
