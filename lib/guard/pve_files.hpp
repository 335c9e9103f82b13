#pragma once
#include "base/result.hpp"

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

template <class T>
using outcome = std::variant<T, failure>;

/// The cluster file system below its root (`/etc/pve`). Every path is walked directory by directory without following
/// a symbolic link, and is built from checked names only. Opened anew for each request: pmxcfs may have been
/// restarted meanwhile. All calls block, for as long as the cluster takes.
class pve_files {
  public:
    /// Fails with `unavailable` when there is no cluster file system at `root`.
    [[nodiscard]] static outcome<pve_files> open(const std::filesystem::path& root);

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
    /// Names of the directories in `nodes`.
    [[nodiscard]] outcome<std::vector<std::string>> node_names();

  private:
    explicit pve_files(descriptor root) : root_(std::move(root)) {}
    [[nodiscard]] outcome<descriptor> walk(const std::string& directory, bool create);

    descriptor root_;
};

}  // namespace steward::guard
