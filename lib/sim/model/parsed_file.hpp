#pragma once
#include "sim/model/file_tree.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace steward::sim {

/// A file that is read often and changes seldom: understood once. Keeps the last text that it saw, whichever view of
/// the cluster's files it came from.
template <class T>
class parsed_file {
  public:
    /// `parse` gets "" for a missing file.
    parsed_file(std::string path, T (*parse)(std::string_view)) : path_(std::move(path)), parse_(parse) {}

    [[nodiscard]] std::shared_ptr<const T> in(const file_tree& tree) {
        if (value_ && tree.holds(path_, text_)) return value_;
        text_ = tree.read(path_).value_or("");
        value_ = std::make_shared<const T>(parse_(text_));
        return value_;
    }

  private:
    std::string path_;
    T (*parse_)(std::string_view);
    std::string text_;
    std::shared_ptr<const T> value_;
};

}  // namespace steward::sim
