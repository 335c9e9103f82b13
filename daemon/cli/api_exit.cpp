#include "api_exit.hpp"

#include <fmt/core.h>
#include <iostream>

namespace steward::cli {

int complain(const fault& why) {
    const std::string status = why.http_status != 0 ? fmt::format(" (status {})", why.http_status) : std::string();
    std::cerr << "steward: " << why.text() << status << '\n';
    switch (why.code) {
        case errc::invalid:
        case errc::unsupported: return 2;
        case errc::not_delivered:
        case errc::timed_out:
        case errc::untrusted:
        case errc::outcome_unknown:
        case errc::unavailable: return 3;
        default: return 1;
    }
}

int refuse(const fault& why) {
    std::cerr << "steward: " << why.text() << '\n';
    return 2;
}

int refuse_usage(const std::string& why) {
    std::cerr << "steward: " << why << "; see steward --help\n";
    return 2;
}

}  // namespace steward::cli
