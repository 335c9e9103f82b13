#pragma once
#include "runtime/byte_stream.hpp"

#include <boost/asio/thread_pool.hpp>

#include <filesystem>
#include <memory>
#include <string>

/// Files of any size as streams. A thread of their own touches the disk, so a slow one never holds up the loop; a
/// cancelled caller leaves when the piece under way is through.
namespace steward {

class file_source final : public byte_source {
  public:
    /// not_found, invalid (not a regular file) or io.
    [[nodiscard]] static result<std::unique_ptr<file_source>> open(const std::filesystem::path& path);
    ~file_source() override;
    file_source(const file_source&) = delete;
    file_source& operator=(const file_source&) = delete;

    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] boost::asio::awaitable<result<std::size_t>> read(boost::asio::mutable_buffer into) override;

  private:
    file_source(int fd, std::uint64_t size, std::string where) : fd_(fd), size_(size), where_(std::move(where)) {}
    int fd_;
    std::uint64_t size_;
    std::string where_;
    boost::asio::thread_pool thread_{1};
};

/// A file that is there whole or not at all: written beside its place with mode 0600, put there by `commit`, removed
/// when that never comes.
class file_sink final : public byte_sink {
  public:
    [[nodiscard]] static result<std::unique_ptr<file_sink>> create(const std::filesystem::path& path);
    ~file_sink() override;
    file_sink(const file_sink&) = delete;
    file_sink& operator=(const file_sink&) = delete;

    [[nodiscard]] boost::asio::awaitable<result<void>> write(std::string_view bytes) override;
    /// fsync and rename over whatever stood there. Nothing may be written afterwards.
    [[nodiscard]] boost::asio::awaitable<result<void>> commit();

  private:
    file_sink(int fd, std::filesystem::path path, std::string part);
    [[nodiscard]] boost::asio::awaitable<result<void>> flush();
    int fd_;
    std::filesystem::path path_;
    std::string part_;
    std::string held_;
    boost::asio::thread_pool thread_{1};
};

}  // namespace steward
