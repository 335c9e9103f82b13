#include "runtime/atomic_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

namespace steward {
namespace {

std::error_code last_error() { return {errno, std::system_category()}; }

class descriptor {
  public:
    explicit descriptor(int fd) : fd_(fd) {}
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

result<std::string> read_all(int fd, const std::filesystem::path& path, std::size_t limit) {
    std::string content;
    char buffer[16384];
    for (;;) {
        const ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fault(errc::io, "read " + path.string(), last_error());
        if (n == 0) return content;
        content.append(buffer, static_cast<std::size_t>(n));
        if (content.size() > limit)
            return fault(errc::invalid, path.string(), fmt::format("is larger than {} bytes", limit));
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

}  // namespace

result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0)
        return fault(errno == ENOENT ? errc::not_found : errc::io, "open " + path.string(), last_error());
    return read_all(file.get(), path, limit);
}

result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content) {
    const std::string where = "write " + path.string();
    const std::string temporary = fmt::format("{}.tmp.{}", path.string(), ::getpid());
    {
        const descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (file.get() < 0) return fault(errc::io, where, last_error());
        const auto written = write_all(file.get(), content, where);
        if (!written) {
            ::unlink(temporary.c_str());
            return written;
        }
        if (::fsync(file.get()) != 0) return fault(errc::io, where, last_error());
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        const auto ec = last_error();
        ::unlink(temporary.c_str());
        return fault(errc::io, where, ec);
    }
    const descriptor directory(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() >= 0) ::fsync(directory.get());
    return {};
}

result<std::string> read_secret_file(const std::filesystem::path& path) {
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0)
        return fault(errno == ENOENT ? errc::not_found : errc::io, "open " + path.string(), last_error());
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return fault(errc::io, "stat " + path.string(), last_error());
    if ((info.st_mode & 077) != 0)
        return fault(
            errc::invalid, path.string(),
            fmt::format("is a secret but has mode {:04o}: others may read it; chmod 600 it", info.st_mode & 07777));
    auto content = read_all(file.get(), path, 4096);
    if (!content) return content;
    if (content->ends_with('\n')) content->pop_back();
    if (content->empty()) return fault(errc::invalid, path.string(), "is empty");
    return content;
}

}  // namespace steward
