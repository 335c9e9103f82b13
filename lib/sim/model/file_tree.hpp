#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace steward::sim {

/// The files below /etc/pve. Paths are relative, with '/' between parts. Two backends: memory, and a real directory
/// that other processes (the guard) change under our feet: what is kept above this interface asks `stamp` first.
class file_tree {
  public:
    virtual ~file_tree() = default;
    [[nodiscard]] virtual std::optional<std::string> read(const std::string& path) const = 0;
    /// Whether that is what the file says; a missing one says nothing.
    [[nodiscard]] virtual bool holds(const std::string& path, std::string_view text) const = 0;
    /// Names, sorted, and contents of the files in a directory; empty when it is missing.
    [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> files_in(const std::string& path) const = 0;
    /// Replaces the whole content atomically; creates the directories above.
    virtual void write(const std::string& path, const std::string& text) = 0;
    /// Atomic, replaces an existing file; false when `from` is missing.
    virtual bool rename(const std::string& from, const std::string& to) = 0;
    virtual bool remove(const std::string& path) = 0;
    /// False when it exists: the mkdir that decides who is first.
    virtual bool make_directory(const std::string& path) = 0;
    /// Whether a file or a directory is there.
    [[nodiscard]] virtual bool exists(const std::string& path) const = 0;
    /// Another value whenever something in this directory may have changed since the last question; files below it in
    /// deeper directories do not count.
    [[nodiscard]] virtual std::uint64_t stamp(const std::string& directory) const = 0;
    /// Counts the changes made through this object; in memory only those of `*.conf`, which guests' configurations are.
    [[nodiscard]] virtual std::uint64_t changes() const = 0;
    /// Whether other processes may change it.
    [[nodiscard]] virtual bool is_shared() const = 0;
    /// Names of the files and directories in `path`, sorted; empty when it is missing.
    [[nodiscard]] virtual std::vector<std::string> list(const std::string& path) const = 0;
};

class memory_tree final : public file_tree {
  public:
    memory_tree() = default;
    /// A copy of another tree as it is now.
    explicit memory_tree(const file_tree& of);
    [[nodiscard]] std::optional<std::string> read(const std::string& path) const override;
    [[nodiscard]] bool holds(const std::string& path, std::string_view text) const override;
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> files_in(const std::string& path) const override;
    void write(const std::string& path, const std::string& text) override;
    bool rename(const std::string& from, const std::string& to) override;
    bool remove(const std::string& path) override;
    bool make_directory(const std::string& path) override;
    [[nodiscard]] bool exists(const std::string& path) const override;
    [[nodiscard]] std::uint64_t stamp(const std::string& path) const override;
    [[nodiscard]] std::uint64_t changes() const override { return changes_; }
    [[nodiscard]] bool is_shared() const override { return false; }
    [[nodiscard]] std::vector<std::string> list(const std::string& path) const override;

  private:
    class directory {
      public:
        std::map<std::string, std::string, std::less<>> files;
        std::set<std::string, std::less<>> directories;
        std::uint64_t stamp = 0;
    };
    class path_hash {
      public:
        using is_transparent = void;
        std::size_t operator()(std::string_view path) const noexcept { return std::hash<std::string_view>{}(path); }
    };
    [[nodiscard]] const directory* find(std::string_view path) const;
    [[nodiscard]] const std::string* find_file(std::string_view path) const;
    directory& directory_at(std::string_view path);
    void touch(directory& where, std::string_view path);

    std::unordered_map<std::string, directory, path_hash, std::equal_to<>> directories_{{"", {}}};
    std::uint64_t last_stamp_ = 0;
    std::uint64_t changes_ = 0;
};

/// Throws std::filesystem::filesystem_error when the disk refuses: a simulator has no business to go on then.
class directory_tree final : public file_tree {
  public:
    explicit directory_tree(std::filesystem::path root);
    [[nodiscard]] std::optional<std::string> read(const std::string& path) const override;
    [[nodiscard]] bool holds(const std::string& path, std::string_view text) const override;
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> files_in(const std::string& path) const override;
    void write(const std::string& path, const std::string& text) override;
    bool rename(const std::string& from, const std::string& to) override;
    bool remove(const std::string& path) override;
    bool make_directory(const std::string& path) override;
    [[nodiscard]] bool exists(const std::string& path) const override;
    [[nodiscard]] std::uint64_t stamp(const std::string& directory) const override;
    [[nodiscard]] std::uint64_t changes() const override { return changes_; }
    [[nodiscard]] bool is_shared() const override { return true; }
    [[nodiscard]] std::vector<std::string> list(const std::string& path) const override;

  private:
    std::filesystem::path root_;
    std::uint64_t changes_ = 0;
    mutable std::uint64_t unsure_ = 0;  // a stamp for a directory that has none yet: never the same twice
};

}  // namespace steward::sim
