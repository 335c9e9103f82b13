#pragma once
#include <string>
#include <string_view>

/// One rule from the wire's names to C++ (sdk.md §2.7): words, cut at everything that is no letter or digit and where a
/// capital follows a small letter, in small letters with '_' between them; a leading digit gets an 'n' in front, a word
/// of the language a '_' behind. "forceStop" → force_stop, "802.1q" → n802_1q, "delete" → delete_.
namespace steward::pve::generator {

[[nodiscard]] std::string identifier(std::string_view wire);
/// Without the care for keywords and digits: to build longer names of.
[[nodiscard]] std::string words(std::string_view wire);
/// Whether a segment of a path stands for a value: "{node}".
[[nodiscard]] bool is_parameter(std::string_view segment);
/// The name of a place below the root of its branch: "{vmid}/snapshot/{snapname}" → "snapshot_item". Parameters in the
/// middle leave no trace, each one at the end is an "item"; empty for the root.
[[nodiscard]] std::string place_name(std::string_view relative);

}  // namespace steward::pve::generator
