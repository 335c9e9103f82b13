#include "unit/guard/kernel_fault.hpp"

#include <cerrno>
#include <dirent.h>
#include <unistd.h>

namespace {

using steward::kernel_fault;

thread_local kernel_fault::call failing = kernel_fault::call::none;
thread_local int said = 0;

bool fails(kernel_fault::call which) {
    if (failing != which) return false;
    errno = said;
    return true;
}

}  // namespace

namespace steward {

kernel_fault::kernel_fault(call which, int error) {
    failing = which;
    said = error;
}
kernel_fault::~kernel_fault() { failing = call::none; }

}  // namespace steward

// The names that `ld --wrap` wants. NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
ssize_t __real_read(int fd, void* into, size_t room);
DIR* __real_fdopendir(int fd);
int __real_renameat2(int from_in, const char* from, int to_in, const char* to, unsigned flags);

ssize_t __wrap_read(int fd, void* into, size_t room) {
    return fails(kernel_fault::call::read) ? -1 : __real_read(fd, into, room);
}

DIR* __wrap_fdopendir(int fd) { return fails(kernel_fault::call::fdopendir) ? nullptr : __real_fdopendir(fd); }

int __wrap_renameat2(int from_in, const char* from, int to_in, const char* to, unsigned flags) {
    const int done = __real_renameat2(from_in, from, to_in, to, flags);
    return done == 0 && fails(kernel_fault::call::renameat2) ? -1 : done;
}
}
// NOLINTEND(bugprone-reserved-identifier)
