#pragma once
#include <cassert>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

namespace steward {

/// What went wrong, in the few kinds that callers branch on. Text for people is in `fault::detail`.
enum class errc {
    // net: the world could not be reached, or not in time
    not_delivered,    ///< the request never left or never arrived (connect, DNS, TLS): safe to repeat
    timed_out,        ///< our own limit passed before anything could have happened
    untrusted,        ///< TLS certificate is not the one configured: nothing was sent
    outcome_unknown,  ///< sent, but the answer was lost: look at the world before repeating
    garbage,          ///< an answer that cannot be understood
    // pve: the cluster answered and said no
    unauthorized,  ///< 401: who are you
    forbidden,     ///< 403: a privilege is missing; detail names it
    bad_request,   ///< 400/501: the call itself is wrong
    not_found,     ///< the guest, task, storage or file does not exist (there)
    exists,        ///< the name or vmid is taken
    locked,        ///< a PVE config lock or flock is in the way
    changed,       ///< digest mismatch: somebody edited it meanwhile
    no_quorum,     ///< the cluster file system refuses writes
    task_failed,   ///< the task ended with an error; detail is its exit text
    refused,       ///< any other refusal; detail is the server's sentence
    // ours
    unsupported,  ///< the connected version of the other side does not have this
    dry_run,      ///< a write verb was stopped inside this process (observe mode)
    unavailable,  ///< a part of ourselves is missing (guard not running, no endpoint configured)
    invalid,      ///< input from a person is wrong
    io,           ///< operating system error on a local file or socket
};

/// "timed_out", "outcome_unknown"…: stable names for logs and JSON.
[[nodiscard]] const char* name_of(errc code) noexcept;

/// True when the same request may be sent again without a look at the world first.
[[nodiscard]] bool is_not_delivered(errc code) noexcept;

/// An expected failure: what kind, during which operation, and the other side's own words. Never a secret.
class fault {
  public:
    fault() = default;
    fault(errc what, std::string operation, std::string words = {})
        : code(what), where(std::move(operation)), detail(std::move(words)) {}
    /// From an operating system or Asio error; `what` says what it means for the caller.
    fault(errc what, std::string operation, const std::error_code& ec)
        : fault(what, std::move(operation), ec.message()) {}

    /// One line for people: "pve POST /nodes/n2/lxc: CT 101 already exists on node 'n1'".
    [[nodiscard]] std::string text() const;

    errc code = errc::io;
    std::string where;
    std::string detail;
    int http_status = 0;  ///< when the other side answered with one
};

/// A value or the fault that prevented it.
template <class T>
class [[nodiscard]] result {
  public:
    /// A fault without words: Asio needs results that can be made before they are known.
    result() : held_(std::in_place_index<1>) {}
    result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
    result(fault why) : held_(std::in_place_index<1>, std::move(why)) {}

    [[nodiscard]] bool has_value() const noexcept { return held_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    T& value() & { return assert(has_value()), *std::get_if<0>(&held_); }
    const T& value() const& { return assert(has_value()), *std::get_if<0>(&held_); }
    T&& value() && { return assert(has_value()), std::move(*std::get_if<0>(&held_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    const fault& error() const& { return assert(!has_value()), *std::get_if<1>(&held_); }

  private:
    std::variant<T, fault> held_;
};

template <>
class [[nodiscard]] result<void> {
  public:
    result() = default;
    result(fault why) : held_(std::in_place_index<1>, std::move(why)) {}

    [[nodiscard]] bool has_value() const noexcept { return held_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }
    const fault& error() const& { return assert(!has_value()), *std::get_if<1>(&held_); }

  private:
    std::variant<std::monostate, fault> held_;
};

}  // namespace steward
