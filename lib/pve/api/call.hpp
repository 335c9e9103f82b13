#pragma once
#include "base/ids.hpp"
#include "base/result.hpp"
#include "pve/api/fields.hpp"
#include "pve/api/method_entry.hpp"
#include "pve/schema/check.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the generated headers stand on. Without Asio: include "pve/api/session.hpp" where calls are awaited.
namespace boost::asio {
class any_io_executor;
template <class T, class Executor>
class awaitable;
}  // namespace boost::asio

namespace steward::pve::api {

class session;

/// A call with its parameters as text, not yet checked against a version.
class prepared_call {
  public:
    /// `what` outlives the call: generated, or of schema::catalogue_of_everything().
    prepared_call(const schema::method& what, std::string where) : method(&what), path(std::move(where)) {}
    const schema::method* method;
    std::string path;            ///< "/nodes/n2/lxc/101/config", percent-encoded
    schema::parameters in_path;  ///< {node, n2}, {vmid, 101}
    schema::parameters params;
};

/// Sends `call` and reads its result; defined in session.hpp.
template <class R, class Executor>
boost::asio::awaitable<result<R>, Executor> send(session& to, prepared_call call);

/// A value for a place in a path that is a strong id or its text: a storage is not taken for a node.
template <class Id>
class path_value {
  public:
    path_value(const Id& id) : text_(text_of(id)) {}
    path_value(std::string text) : text_(std::move(text)) {}
    path_value(const char* text) : text_(text) {}
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    static std::string text_of(const upid& id) { return id.text; }
    template <class Tag>
    static std::string text_of(const name<Tag>& id) {
        return id.str();
    }
    std::string text_;
};

template <>
class path_value<vmid> {
  public:
    path_value(vmid id) : text_(to_string(id)) {}
    path_value(std::uint32_t number) : text_(std::to_string(number)) {}
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    std::string text_;
};

/// A place in the tree of the API. Cheap to copy; it outlives nothing but needs its session while a call is awaited.
class place {
  public:
    explicit place(session& to) : to_(&to) {}
    /// The generated functions use these: a place below `parent` …
    place(const place& parent, std::string_view segment);
    /// … and an item of a collection: "/nodes" + {node} = n2.
    place(const place& parent, std::string_view parameter, const std::string& value);

  protected:
    [[nodiscard]] prepared_call prepare(const method_entry& what) const;
    /// With the members of `request` that are set.
    [[nodiscard]] prepared_call prepare(const method_entry& what, const struct_table& table, const void* request,
                                        const schema::parameters& more) const;
    session* to_;

  private:
    std::string path_;
    schema::parameters in_path_;
};

}  // namespace steward::pve::api
