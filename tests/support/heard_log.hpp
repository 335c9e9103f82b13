#pragma once
#include "base/log.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace steward {

/// What is written into the log while it lives. One at a time.
class heard_log {
  public:
    heard_log() {
        log::set_sink([this](const log::event& e) { lines_.push_back(log::to_line(e)); }, log::level::info);
    }
    ~heard_log() { log::set_sink({}, log::level::info); }
    heard_log(const heard_log&) = delete;
    heard_log& operator=(const heard_log&) = delete;

    /// How many lines contain that.
    [[nodiscard]] long count(std::string_view part) const {
        return std::count_if(lines_.begin(), lines_.end(),
                             [&](const std::string& l) { return l.find(part) != std::string::npos; });
    }

  private:
    std::vector<std::string> lines_;
};

}  // namespace steward
