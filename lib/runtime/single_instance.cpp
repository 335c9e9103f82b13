#include "runtime/single_instance.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

namespace steward {

result<single_instance> single_instance::acquire(const std::filesystem::path& lock_file) {
    const int fd = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return fault(errc::io, "open " + lock_file.string(), std::error_code(errno, std::system_category()));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        char holder[64] = {};
        const ssize_t n = ::pread(fd, holder, sizeof holder - 1, 0);
        ::close(fd);
        return fault(errc::exists, lock_file.string(),
                     fmt::format("another stewardd runs on this node (pid {})", n > 0 ? holder : "unknown"));
    }
    const std::string mine = std::to_string(::getpid());
    // The content only helps people; the lock is what counts.
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, mine.data(), mine.size(), 0) < 0) {
        ::close(fd);
        return fault(errc::io, "write " + lock_file.string(), std::error_code(errno, std::system_category()));
    }
    return single_instance(fd);
}

single_instance::single_instance(single_instance&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

single_instance::~single_instance() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace steward
