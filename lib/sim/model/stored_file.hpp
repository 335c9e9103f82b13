#pragma once
#include "base/ids.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace steward::sim {

/// A file on a storage that is neither a disk nor a backup: a template, an image, a snippet, something to import.
class stored_file {
  public:
    stored_file() = default;
    stored_file(volid name, std::uint64_t size, wall_time when) : id(std::move(name)), bytes(size), created(when) {}
    volid id;  ///< "local:iso/debian.iso"
    std::uint64_t bytes = 0;
    wall_time created{};
    std::string text;  ///< what was uploaded, of small files

    /// "iso", "vztmpl", "snippets", "import": the first part of its name.
    [[nodiscard]] std::string content() const;
};

/// The `format` of a content row: "iso", "tzst" for a .tar.zst template, "snippet", the extension of an import.
[[nodiscard]] std::string format_of(std::string_view content, std::string_view file_name);

/// Whether PVE takes a file of that name as that content: .iso and .img, .tar.gz/.xz/.zst, any snippet, …
[[nodiscard]] bool is_name_of(std::string_view content, std::string_view file_name);

}  // namespace steward::sim
