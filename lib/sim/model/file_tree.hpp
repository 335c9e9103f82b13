#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace steward::sim {

/// The files below /etc/pve. Paths are relative, with '/' between parts. Two backends: memory, and a real directory
/// that other processes (the guard) change under our feet, so nothing is cached above this interface.
class file_tree {
  public:
    virtual ~file_tree() = default;
    [[nodiscard]] virtual std::optional<std::string> read(const std::string& path) const = 0;
    /// Replaces the whole content atomically; creates the directories above.
    virtual void write(const std::string& path, const std::string& text) = 0;
    /// Atomic, replaces an existing file; false when `from` is missing.
    virtual bool rename(const std::string& from, const std::string& to) = 0;
    virtual bool remove(const std::string& path) = 0;
    /// False when it exists: the mkdir that decides who is first.
    virtual bool make_directory(const std::string& path) = 0;
    /// Names of the files and directories in `path`, sorted; empty when it is missing.
    [[nodiscard]] virtual std::vector<std::string> list(const std::string& path) const = 0;
};

class memory_tree final : public file_tree {
  public:
    [[nodiscard]] std::optional<std::string> read(const std::string& path) const override;
    void write(const std::string& path, const std::string& text) override;
    bool rename(const std::string& from, const std::string& to) override;
    bool remove(const std::string& path) override;
    bool make_directory(const std::string& path) override;
    [[nodiscard]] std::vector<std::string> list(const std::string& path) const override;

  private:
    std::map<std::string, std::string> files_;
    std::set<std::string> directories_;
};

/// Throws std::filesystem::filesystem_error when the disk refuses: a simulator has no business to go on then.
class directory_tree final : public file_tree {
  public:
    explicit directory_tree(std::filesystem::path root);
    [[nodiscard]] std::optional<std::string> read(const std::string& path) const override;
    void write(const std::string& path, const std::string& text) override;
    bool rename(const std::string& from, const std::string& to) override;
    bool remove(const std::string& path) override;
    bool make_directory(const std::string& path) override;
    [[nodiscard]] std::vector<std::string> list(const std::string& path) const override;

  private:
    std::filesystem::path root_;
};

}  // namespace steward::sim
