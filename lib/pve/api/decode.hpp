#pragma once
#include "base/result.hpp"
#include "pve/api/fields.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace boost::json {
class value;
}

namespace steward::pve::api {

/// Reads PVE's loose JSON (pve-facts B.3): numbers as text and back, booleans as 0, 1, "1", true, null for an empty
/// list, property strings. A field that cannot be read so, and one that the facts do not name, is kept in `extra`.
///
/// `whole` describes `into` (make_field<R>("", 0)). Errors: garbage, when the value as a whole is not of its kind: a
/// list that is no list, an element that is no object. Never an empty list for something else.
[[nodiscard]] result<void> decode(const field& whole, const boost::json::value& from, void* into);

/// Reads a long list in pieces, so that the loop it runs on has pauses for others.
class list_reader {
  public:
    /// As for `decode`; `from` and `into` outlive the reader.
    list_reader(const field& whole, const boost::json::value& from, void* into);
    ~list_reader();
    list_reader(const list_reader&) = delete;
    list_reader& operator=(const list_reader&) = delete;

    /// Reads the next `count` elements; true when there are more.
    [[nodiscard]] result<bool> read_some(std::size_t count);

  private:
    struct state;
    std::unique_ptr<state> state_;
};

/// "virtio=BC:24:11:00:00:01,bridge=vmbr0" into the struct that `table` describes. From PVE: whatever can be read is
/// taken. From people (`is_checked`): what PVE would refuse is refused, in its words. Errors: invalid.
[[nodiscard]] result<void> parse_property_string(const struct_table& table, std::string_view text, void* into,
                                                 bool is_checked = false);

}  // namespace steward::pve::api
