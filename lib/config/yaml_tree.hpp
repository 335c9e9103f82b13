#pragma once
#include <string>
#include <string_view>
#include <vector>

/// YAML as a plain tree with the place of everything. The only file besides yaml_tree.cpp that knows it is YAML.
namespace steward::config {

/// Line and column count from 1; 0 when unknown. `file` counts from 0, the main file, through what it includes.
class place {
  public:
    place() = default;
    place(int l, int c) : line(l), column(c) {}
    int line = 0;
    int column = 0;
    int file = 0;
};

enum class node_kind {
    nothing,  ///< a key without a value, or null
    scalar,
    sequence,
    map,
    refused,  ///< already complained about; readers stay silent
};

class node {
  public:
    node_kind kind = node_kind::nothing;
    place at;
    std::string text;          ///< scalars: exactly as written, unquoted
    bool quoted = false;       ///< scalars: "10" and '10' are text, never a number
    std::vector<node> keys;    ///< maps: scalars, each once
    std::vector<node> values;  ///< maps: beside `keys`; sequences: the items
};

/// What is wrong, and where.
class complaint {
  public:
    complaint(place where, std::string words) : at(where), text(std::move(words)) {}
    place at;
    std::string text;
};

class yaml_tree {
  public:
    node root;
    bool readable = false;  ///< the text was YAML at all; without it `root` is empty and one complaint says why
    std::vector<complaint> complaints;
};

/// Reads exactly one document of at most 1 MiB of UTF-8. Anchors, aliases, tags and nesting beyond 16 levels are
/// refused (an alias bomb is 200 bytes long), and so are duplicate keys, which yaml-cpp silently drops. Never throws.
[[nodiscard]] yaml_tree read_yaml(std::string_view text);

}  // namespace steward::config
