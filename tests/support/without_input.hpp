#pragma once
#include <fcntl.h>
#include <unistd.h>

namespace steward {

/// While it lives, this process's standard input is closed: the next file that is opened is number 0.
class without_input {
  public:
    without_input() : kept_(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)) { ::close(STDIN_FILENO); }
    ~without_input() {
        if (kept_ < 0) return;
        ::dup2(kept_, STDIN_FILENO);
        ::close(kept_);
    }
    without_input(const without_input&) = delete;
    without_input& operator=(const without_input&) = delete;

  private:
    int kept_;
};

}  // namespace steward
