#include "base/result.hpp"

namespace steward {

const char* name_of(errc code) noexcept {
    switch (code) {
        case errc::not_delivered: return "not_delivered";
        case errc::timed_out: return "timed_out";
        case errc::untrusted: return "untrusted";
        case errc::outcome_unknown: return "outcome_unknown";
        case errc::garbage: return "garbage";
        case errc::unauthorized: return "unauthorized";
        case errc::forbidden: return "forbidden";
        case errc::bad_request: return "bad_request";
        case errc::not_found: return "not_found";
        case errc::exists: return "exists";
        case errc::locked: return "locked";
        case errc::changed: return "changed";
        case errc::no_quorum: return "no_quorum";
        case errc::task_failed: return "task_failed";
        case errc::refused: return "refused";
        case errc::unsupported: return "unsupported";
        case errc::dry_run: return "dry_run";
        case errc::unavailable: return "unavailable";
        case errc::invalid: return "invalid";
        case errc::io: return "io";
    }
    return "io";
}

bool is_not_delivered(errc code) noexcept {
    return code == errc::not_delivered || code == errc::untrusted || code == errc::dry_run ||
           code == errc::unavailable || code == errc::unsupported;
}

std::string fault::text() const {
    if (where.empty()) return detail.empty() ? name_of(code) : detail;
    if (detail.empty()) return where + ": " + name_of(code);
    return where + ": " + detail;
}

}  // namespace steward
