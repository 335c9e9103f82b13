#include "unit/guard/kernel_fault.hpp"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

using call = steward::kernel_fault::call;

namespace {

thread_local steward::kernel_fault* newest = nullptr;
thread_local int slept = 0;  // milliseconds

}  // namespace

namespace steward {

kernel_fault::kernel_fault(call which, int error, int spared, int failing)
    : which_(which), error_(error), spared_(spared), failing_(failing), before_(newest) {
    newest = this;
    slept = 0;
}

kernel_fault::~kernel_fault() { newest = before_; }

kernel_fault* kernel_fault::of(call which) {
    kernel_fault* one = newest;
    while (one != nullptr && one->which_ != which) one = one->before_;
    return one;
}

bool kernel_fault::is_expected(call which) { return of(which) != nullptr; }

bool kernel_fault::fails(call which) {
    kernel_fault* one = of(which);
    if (one == nullptr || one->failing_ == 0) return false;
    if (one->spared_ > 0) {
        --one->spared_;
        return false;
    }
    if (one->failing_ > 0) --one->failing_;
    errno = one->error_;
    return true;
}

bool kernel_fault::saves_sleep(int limit_ms) {
    if (newest == nullptr) return false;
    slept += limit_ms;
    return true;
}

int kernel_fault::slept_ms() { return slept; }

}  // namespace steward

using steward::kernel_fault;

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

ssize_t __wrap_read(int fd, void* into, size_t room) {
    return kernel_fault::fails(call::read) ? -1 : __real_read(fd, into, room);
}

/// One whose writes fail takes half of each before that, as a kernel may.
ssize_t __wrap_write(int fd, const void* from, size_t size) {
    if (kernel_fault::fails(call::write)) return -1;
    return __real_write(fd, from, kernel_fault::is_expected(call::write) ? size - size / 2 : size);
}

int __wrap_fsync(int fd) { return kernel_fault::fails(call::fsync) ? -1 : __real_fsync(fd); }

int __wrap_fstat(int fd, struct stat* into) { return kernel_fault::fails(call::fstat) ? -1 : __real_fstat(fd, into); }

int __wrap_fstatat(int in, const char* name, struct stat* into, int flags) {
    return kernel_fault::fails(call::fstatat) ? -1 : __real_fstatat(in, name, into, flags);
}

int __wrap_mkdirat(int in, const char* name, mode_t mode) {
    return kernel_fault::fails(call::mkdirat) ? -1 : __real_mkdirat(in, name, mode);
}

int __wrap_unlinkat(int in, const char* name, int flags) {
    return kernel_fault::fails(call::unlinkat) ? -1 : __real_unlinkat(in, name, flags);
}

int __wrap_renameat(int from_in, const char* from, int to_in, const char* to) {
    return kernel_fault::fails(call::renameat) ? -1 : __real_renameat(from_in, from, to_in, to);
}

int __wrap_renameat2(int from_in, const char* from, int to_in, const char* to, unsigned flags) {
    if (kernel_fault::fails(call::renameat2)) return -1;
    const int done = __real_renameat2(from_in, from, to_in, to, flags);
    return done == 0 && kernel_fault::fails(call::renameat2_done) ? -1 : done;
}

int __wrap_utimensat(int in, const char* name, const timespec* both, int flags) {
    return kernel_fault::fails(call::utimensat) ? -1 : __real_utimensat(in, name, both, flags);
}

DIR* __wrap_fdopendir(int fd) { return kernel_fault::fails(call::fdopendir) ? nullptr : __real_fdopendir(fd); }

dirent* __wrap_readdir(DIR* entries) { return kernel_fault::fails(call::readdir) ? nullptr : __real_readdir(entries); }

int __wrap_flock(int fd, int how) { return kernel_fault::fails(call::flock) ? -1 : __real_flock(fd, how); }

int __wrap_poll(pollfd* files, nfds_t count, int limit_ms) {
    if (count == 0 && kernel_fault::saves_sleep(limit_ms)) return 0;
    return __real_poll(files, count, limit_ms);
}
}
// NOLINTEND(bugprone-reserved-identifier)
