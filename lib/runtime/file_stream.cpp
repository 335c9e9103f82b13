#include "runtime/file_stream.hpp"

#include "runtime/offload.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

namespace steward {
namespace asio = boost::asio;

namespace {

constexpr std::size_t piece = std::size_t{256} << 10U;

std::error_code last_error() { return {errno, std::system_category()}; }

result<std::size_t> read_some(int fd, asio::mutable_buffer into, const std::string& where) {
    for (;;) {
        const ssize_t n = ::read(fd, into.data(), into.size());
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno != EINTR) return fault(errc::io, where, last_error());
    }
}

result<void> write_all(int fd, std::string_view content, const std::string& where) {
    while (!content.empty()) {
        const ssize_t n = ::write(fd, content.data(), content.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fault(errc::io, where, last_error());
        content.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

result<void> put_in_place(int fd, const std::string& part, const std::filesystem::path& path) {
    const std::string where = "write " + path.string();
    if (::fsync(fd) != 0) return fault(errc::io, where, last_error());
    if (::rename(part.c_str(), path.c_str()) != 0) return fault(errc::io, where, last_error());
    const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
    const int directory = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return {};
    ::fsync(directory);
    ::close(directory);
    return {};
}

}  // namespace

result<std::unique_ptr<file_source>> file_source::open(const std::filesystem::path& path) {
    const std::string where = "read " + path.string();
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fault(errno == ENOENT ? errc::not_found : errc::io, where, last_error());
    struct stat info {};
    const bool is_known = ::fstat(fd, &info) == 0;
    if (!is_known || !S_ISREG(info.st_mode)) {
        ::close(fd);
        return fault(errc::invalid, where, "is not a file");
    }
    return std::unique_ptr<file_source>(new file_source(fd, static_cast<std::uint64_t>(info.st_size), where));
}

file_source::~file_source() {
    thread_.join();
    ::close(fd_);
}

asio::awaitable<result<std::size_t>> file_source::read(asio::mutable_buffer into) {
    auto work = [this, into] { return read_some(fd_, into, where_); };
    auto got = co_await offload(thread_, std::move(work));
    co_return got;
}

result<std::unique_ptr<file_sink>> file_sink::create(const std::filesystem::path& path) {
    std::string part = path.string() + ".part-XXXXXX";
    const int fd = ::mkostemp(part.data(), O_CLOEXEC);
    if (fd < 0) return fault(errc::io, "write " + path.string(), last_error());
    return std::unique_ptr<file_sink>(new file_sink(fd, path, std::move(part)));
}

file_sink::file_sink(int fd, std::filesystem::path path, std::string part)
    : fd_(fd), path_(std::move(path)), part_(std::move(part)) {
    held_.reserve(piece);
}

file_sink::~file_sink() {
    thread_.join();
    ::close(fd_);
    if (!part_.empty()) ::unlink(part_.c_str());
}

asio::awaitable<result<void>> file_sink::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t taken = std::min(bytes.size(), piece - held_.size());
        held_.append(bytes.substr(0, taken));
        bytes.remove_prefix(taken);
        if (held_.size() < piece) break;
        const auto flushed = co_await flush();
        if (!flushed) co_return flushed;
    }
    co_return result<void>();
}

asio::awaitable<result<void>> file_sink::flush() {
    auto work = [this] { return write_all(fd_, held_, "write " + path_.string()); };
    auto got = co_await offload(thread_, std::move(work));
    held_.clear();
    co_return got;
}

asio::awaitable<result<void>> file_sink::commit() {
    const auto flushed = co_await flush();
    if (!flushed) co_return flushed;
    auto work = [this] { return put_in_place(fd_, part_, path_); };
    auto placed = co_await offload(thread_, std::move(work));
    if (placed) part_.clear();
    co_return placed;
}

}  // namespace steward
