#pragma once
#include "base/guard_frames.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace steward::guard {

/// An open file or directory.
class descriptor {
  public:
    explicit descriptor(int fd = -1) : fd_(fd) {}
    ~descriptor();
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept;
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

/// A failed system call: what it means, and whether the file system may carry it out all the same.
class failure {
  public:
    failure(int error, std::string what);
    errc code;
    std::string detail;
    /// pmxcfs answers EBUSY or EIO when it lost track of a change it had already sent (reliability P3).
    bool may_have_happened = false;
};

[[nodiscard]] reply refusal(const failure& f);

template <class T>
using outcome = std::variant<T, failure>;

/// The cluster file system below its root (`/etc/pve`). Every path is walked directory by directory without following
/// a symbolic link, and is built from checked names only. Opened anew for each request: pmxcfs may have been
/// restarted meanwhile. All calls block, for as long as the cluster takes.
class pve_files {
  public:
    /// Fails with `unavailable` when there is no cluster file system at `root`. `writer` tells the temporary files of
    /// one node from those of another that may write the same file at the same time: pmxcfs writes by path.
    [[nodiscard]] static outcome<pve_files> open(const std::filesystem::path& root, const node_name& writer = {});

    /// An ordered write: when it succeeds, everything read afterwards is what the cluster agreed on (reliability P2).
    [[nodiscard]] std::optional<failure> prove_writable();
    /// Nothing when the file is missing.
    [[nodiscard]] outcome<std::optional<std::string>> read(const std::string& directory, const std::string& name);
    /// Temporary file beside it, then rename: the old or the new content.
    [[nodiscard]] std::optional<failure> write(const std::string& directory, const std::string& name,
                                               std::string_view content);
    /// Never replaces a file that is there.
    [[nodiscard]] std::optional<failure> move(const std::string& from_directory, const std::string& from,
                                              const std::string& to_directory, const std::string& to);
    [[nodiscard]] outcome<bool> has_directory(const std::string& directory);
    /// What is in a directory, but for temporary files; nothing is in one that is missing.
    [[nodiscard]] outcome<std::vector<std::string>> list(const std::string& directory);
    /// False when it is there already: whoever comes first has it, in the whole cluster (reliability P1).
    [[nodiscard]] outcome<bool> make_directory(const std::string& directory, const std::string& name);
    [[nodiscard]] std::optional<failure> remove_directory(const std::string& directory, const std::string& name);
    /// It is not there afterwards; one that was not there before is no failure.
    [[nodiscard]] std::optional<failure> remove_file(const std::string& directory, const std::string& name);
    /// Seconds since 1970; nothing when it is missing. 0 asks pmxcfs to judge a lock's age (pve-facts E.4).
    [[nodiscard]] outcome<std::optional<std::int64_t>> modified(const std::string& directory, const std::string& name);
    [[nodiscard]] std::optional<failure> set_modified(const std::string& directory, const std::string& name,
                                                      std::int64_t when);

  private:
    pve_files(descriptor root, const node_name& writer);
    [[nodiscard]] outcome<descriptor> walk(const std::string& directory, bool create);

    descriptor root_;
    std::string writer_;
};

}  // namespace steward::guard
