#pragma once
#include <memory>
#include <string>
#include <utility>

namespace boost::json {
class value;
}

namespace steward::pve::api {

/// JSON that the facts do not describe, as PVE sent it. Cheap to copy. Include <boost/json/value.hpp> to look inside.
class raw_json {
  public:
    raw_json() = default;
    explicit raw_json(std::shared_ptr<const boost::json::value> held) : held_(std::move(held)) {}
    explicit raw_json(boost::json::value value);

    /// Null when nothing was sent.
    [[nodiscard]] const boost::json::value& value() const;
    [[nodiscard]] bool empty() const { return !held_; }
    /// JSON text on one line.
    [[nodiscard]] std::string text() const;

  private:
    std::shared_ptr<const boost::json::value> held_;
};

}  // namespace steward::pve::api
