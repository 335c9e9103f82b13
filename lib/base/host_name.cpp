#include "base/host_name.hpp"

#include <unistd.h>

namespace steward {

std::string host_name() {
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) != 0) return {};
    const std::string whole(name);
    return whole.substr(0, whole.find('.'));
}

}  // namespace steward
