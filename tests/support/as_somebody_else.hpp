#pragma once
#include <sys/fsuid.h>
#include <unistd.h>

namespace steward {

/// While it lives, this thread's access to files is that of a user without rights: as root nothing else is ever denied.
/// Whoever is not root stays who he is.
class as_somebody_else {
  public:
    as_somebody_else() {
        if (is_another) ::setfsuid(nobody);
    }
    ~as_somebody_else() {
        if (is_another) ::setfsuid(0);
    }
    as_somebody_else(const as_somebody_else&) = delete;
    as_somebody_else& operator=(const as_somebody_else&) = delete;

    const bool is_another = ::geteuid() == 0;

  private:
    static constexpr uid_t nobody = 65534;
};

}  // namespace steward
