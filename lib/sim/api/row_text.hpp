#pragma once
#include "sim/api/api.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace steward::sim::api {

/// The rows of a long list written as JSON text straight away.
class row_text {
  public:
    void begin();
    void text(std::string_view key, std::string_view value);
    void number(std::string_view key, std::uint64_t value);
    /// A value that is JSON already.
    void raw(std::string_view key, std::string_view value);
    void end() { body_ += '}'; }
    void row(const boost::json::object& whole);

    /// {"data":[…]}
    [[nodiscard]] reply as_reply() &&;

  private:
    void key(std::string_view name);
    std::string body_ = R"({"data":[)";
    bool is_first_row_ = true;
    bool is_first_key_ = true;
};

}  // namespace steward::sim::api
