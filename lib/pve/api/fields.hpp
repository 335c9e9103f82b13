#pragma once
#include "base/ids.hpp"
#include "pve/api/choice.hpp"
#include "pve/api/raw_json.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Structs described by constant tables, so that one interpreter reads and writes all of them. Generated code is
/// tables; nothing here knows Asio or JSON (sdk.md §4.3: the style that compiles fastest).
namespace steward::pve::api {

enum class kind : std::uint8_t {
    text,
    integer,
    number,
    boolean,
    choice,
    node,
    vmid,
    storage,
    volid,
    upid,
    structure,
    json,
};

/// How a member holds its values: T, std::optional<T>, std::vector<T>, std::map<unsigned, T>,
/// std::map<std::string, T>.
enum class holding : std::uint8_t { one, maybe, list, indexed, named };

/// Reaches the values in a member without knowing its type.
class container {
  public:
    std::size_t (*size)(const void* member);
    /// The i-th value, in order; `index` and `key` are set where the container has them.
    const void* (*at)(const void* member, std::size_t i, unsigned& index, const std::string*& key);
    /// Makes room for one more value (for `one` and `maybe`: the only one) and returns it.
    void* (*add)(void* member, unsigned index, const std::string& key);
    /// Takes back what the last `add` with the same index and key made.
    void (*drop)(void* member, unsigned index, const std::string& key);
    /// So many will be added.
    void (*expect)(void* member, std::size_t count);
    holding how;
};

class struct_table;
class keys_entry;

/// One member of a struct.
class field {
  public:
    std::string_view wire;  ///< name as PVE writes it; of an indexed one the stem
    const container* values = nullptr;
    const struct_table& (*structure)() = nullptr;
    const choice_table& (*choices)() = nullptr;
    std::uint32_t offset = 0;
    kind what = kind::text;
    bool is_joined = false;  ///< a list that is one text with commas, not repeated
};

class struct_table {
  public:
    const field* fields = nullptr;
    std::uint32_t count = 0;
    std::uint32_t size = 0;
    /// Offset of the `raw_json extra` that keeps what the facts do not describe; 0: there is none.
    std::uint32_t extra = 0;
    /// Of a property string, else null.
    const keys_entry* keys = nullptr;
};

/// For tools that fill a request by the names of its fields: makes one without its required values.
class blank {};

namespace detail {

inline void expect_nothing(void*, std::size_t) {}

template <class T>
T fresh() {
    if constexpr (std::is_default_constructible_v<T>)
        return T();
    else
        return T(blank());
}

template <class T>
constexpr container one_value{[](const void*) -> std::size_t { return 1; },
                              [](const void* m, std::size_t, unsigned&, const std::string*&) { return m; },
                              [](void* m, unsigned, const std::string&) { return m; },
                              [](void* m, unsigned, const std::string&) { *static_cast<T*>(m) = fresh<T>(); },
                              expect_nothing,
                              holding::one};

template <class T>
constexpr container maybe_value{
    [](const void* m) -> std::size_t { return static_cast<const std::optional<T>*>(m)->has_value() ? 1 : 0; },
    [](const void* m, std::size_t, unsigned&, const std::string*&) -> const void* {
        return &**static_cast<const std::optional<T>*>(m);
    },
    [](void* m, unsigned, const std::string&) -> void* { return &static_cast<std::optional<T>*>(m)->emplace(); },
    [](void* m, unsigned, const std::string&) { static_cast<std::optional<T>*>(m)->reset(); },
    expect_nothing,
    holding::maybe};

template <class T>
constexpr container list_of_values{
    [](const void* m) { return static_cast<const std::vector<T>*>(m)->size(); },
    [](const void* m, std::size_t i, unsigned&, const std::string*&) -> const void* {
        return &(*static_cast<const std::vector<T>*>(m))[i];
    },
    [](void* m, unsigned, const std::string&) -> void* { return &static_cast<std::vector<T>*>(m)->emplace_back(); },
    [](void* m, unsigned, const std::string&) { static_cast<std::vector<T>*>(m)->pop_back(); },
    [](void* m, std::size_t count) { static_cast<std::vector<T>*>(m)->reserve(count); },
    holding::list};

template <class T>
constexpr container indexed_values{
    [](const void* m) { return static_cast<const std::map<unsigned, T>*>(m)->size(); },
    [](const void* m, std::size_t i, unsigned& index, const std::string*&) -> const void* {
        auto at = static_cast<const std::map<unsigned, T>*>(m)->begin();
        std::advance(at, static_cast<std::ptrdiff_t>(i));
        index = at->first;
        return &at->second;
    },
    [](void* m, unsigned index, const std::string&) -> void* {
        return &(*static_cast<std::map<unsigned, T>*>(m))[index];
    },
    [](void* m, unsigned index, const std::string&) { static_cast<std::map<unsigned, T>*>(m)->erase(index); },
    expect_nothing,
    holding::indexed};

template <class T>
constexpr container named_values{
    [](const void* m) { return static_cast<const std::map<std::string, T>*>(m)->size(); },
    [](const void* m, std::size_t i, unsigned&, const std::string*& key) -> const void* {
        auto at = static_cast<const std::map<std::string, T>*>(m)->begin();
        std::advance(at, static_cast<std::ptrdiff_t>(i));
        key = &at->first;
        return &at->second;
    },
    [](void* m, unsigned, const std::string& key) -> void* {
        return &(*static_cast<std::map<std::string, T>*>(m))[key];
    },
    [](void* m, unsigned, const std::string& key) { static_cast<std::map<std::string, T>*>(m)->erase(key); },
    expect_nothing,
    holding::named};

template <class T>
struct held_in {
    using value = T;
    static constexpr const container* values = &one_value<T>;
};
template <class T>
struct held_in<std::optional<T>> {
    using value = T;
    static constexpr const container* values = &maybe_value<T>;
};
template <class T>
struct held_in<std::vector<T>> {
    using value = T;
    static constexpr const container* values = &list_of_values<T>;
};
template <class T>
struct held_in<std::map<unsigned, T>> {
    using value = T;
    static constexpr const container* values = &indexed_values<T>;
};
template <class T>
struct held_in<std::map<std::string, T>> {
    using value = T;
    static constexpr const container* values = &named_values<T>;
};

template <class T>
constexpr void describe(field& f) {
    if constexpr (std::is_same_v<T, std::string>)
        f.what = kind::text;
    else if constexpr (std::is_same_v<T, std::int64_t>)
        f.what = kind::integer;
    else if constexpr (std::is_same_v<T, double>)
        f.what = kind::number;
    else if constexpr (std::is_same_v<T, bool>)
        f.what = kind::boolean;
    else if constexpr (std::is_same_v<T, node_name>)
        f.what = kind::node;
    else if constexpr (std::is_same_v<T, steward::vmid>)
        f.what = kind::vmid;
    else if constexpr (std::is_same_v<T, storage_id>)
        f.what = kind::storage;
    else if constexpr (std::is_same_v<T, steward::volid>)
        f.what = kind::volid;
    else if constexpr (std::is_same_v<T, steward::upid>)
        f.what = kind::upid;
    else if constexpr (std::is_same_v<T, raw_json>)
        f.what = kind::json;
    else if constexpr (std::is_base_of_v<any_choice, T>) {
        f.what = kind::choice;
        f.choices = &T::table;
    } else {
        f.what = kind::structure;
        f.structure = &T::fields;
    }
}

}  // namespace detail

/// The table row of a member of type `Member`.
template <class Member>
constexpr field make_field(std::string_view wire, std::size_t offset, bool is_joined = false) {
    field f;
    f.wire = wire;
    f.offset = static_cast<std::uint32_t>(offset);
    f.is_joined = is_joined;
    f.values = detail::held_in<Member>::values;
    detail::describe<typename detail::held_in<Member>::value>(f);
    return f;
}

}  // namespace steward::pve::api
