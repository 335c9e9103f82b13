#include "unit/guard/kernel_fault.hpp"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using call = steward::kernel_fault::call;

class state {
  public:
    call which = call::none;
    int error = 0;
    int spared = 0;
    int failing = 0;
    int slept = 0;  // milliseconds
};
thread_local state now;

bool fails(call which) {
    if (now.which != which || now.failing == 0) return false;
    if (now.spared > 0) {
        --now.spared;
        return false;
    }
    if (now.failing > 0) --now.failing;
    errno = now.error;
    return true;
}

}  // namespace

namespace steward {

kernel_fault::kernel_fault(call which, int error, int spared, int failing) { now = {which, error, spared, failing, 0}; }
kernel_fault::~kernel_fault() { now = {}; }
int kernel_fault::slept_ms() { return now.slept; }

}  // namespace steward

// The names that `ld --wrap` wants. NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
ssize_t __real_read(int fd, void* into, size_t room);
ssize_t __real_write(int fd, const void* from, size_t size);
int __real_fsync(int fd);
int __real_fstat(int fd, struct stat* into);
int __real_fstatat(int in, const char* name, struct stat* into, int flags);
int __real_mkdirat(int in, const char* name, mode_t mode);
int __real_unlinkat(int in, const char* name, int flags);
int __real_renameat(int from_in, const char* from, int to_in, const char* to);
int __real_renameat2(int from_in, const char* from, int to_in, const char* to, unsigned flags);
int __real_utimensat(int in, const char* name, const timespec* both, int flags);
DIR* __real_fdopendir(int fd);
dirent* __real_readdir(DIR* entries);
int __real_flock(int fd, int how);
int __real_poll(pollfd* files, nfds_t count, int limit_ms);

ssize_t __wrap_read(int fd, void* into, size_t room) { return fails(call::read) ? -1 : __real_read(fd, into, room); }

/// One whose writes fail takes half of each before that, as a kernel may.
ssize_t __wrap_write(int fd, const void* from, size_t size) {
    if (fails(call::write)) return -1;
    return __real_write(fd, from, now.which == call::write ? size - size / 2 : size);
}

int __wrap_fsync(int fd) { return fails(call::fsync) ? -1 : __real_fsync(fd); }

int __wrap_fstat(int fd, struct stat* into) { return fails(call::fstat) ? -1 : __real_fstat(fd, into); }

int __wrap_fstatat(int in, const char* name, struct stat* into, int flags) {
    return fails(call::fstatat) ? -1 : __real_fstatat(in, name, into, flags);
}

int __wrap_mkdirat(int in, const char* name, mode_t mode) {
    return fails(call::mkdirat) ? -1 : __real_mkdirat(in, name, mode);
}

int __wrap_unlinkat(int in, const char* name, int flags) {
    return fails(call::unlinkat) ? -1 : __real_unlinkat(in, name, flags);
}

int __wrap_renameat(int from_in, const char* from, int to_in, const char* to) {
    return fails(call::renameat) ? -1 : __real_renameat(from_in, from, to_in, to);
}

int __wrap_renameat2(int from_in, const char* from, int to_in, const char* to, unsigned flags) {
    if (fails(call::renameat2)) return -1;
    const int done = __real_renameat2(from_in, from, to_in, to, flags);
    return done == 0 && fails(call::renameat2_done) ? -1 : done;
}

int __wrap_utimensat(int in, const char* name, const timespec* both, int flags) {
    return fails(call::utimensat) ? -1 : __real_utimensat(in, name, both, flags);
}

DIR* __wrap_fdopendir(int fd) { return fails(call::fdopendir) ? nullptr : __real_fdopendir(fd); }

dirent* __wrap_readdir(DIR* entries) { return fails(call::readdir) ? nullptr : __real_readdir(entries); }

int __wrap_flock(int fd, int how) { return fails(call::flock) ? -1 : __real_flock(fd, how); }

int __wrap_poll(pollfd* files, nfds_t count, int limit_ms) {
    if (count != 0 || now.which == call::none) return __real_poll(files, count, limit_ms);
    now.slept += limit_ms;
    return 0;
}
}
// NOLINTEND(bugprone-reserved-identifier)
