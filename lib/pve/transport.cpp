#include "pve/transport.hpp"

namespace steward::pve {

const char* http_method(verb v) noexcept {
    switch (v) {
        case verb::get: return "GET";
        case verb::create: return "POST";
        case verb::set: return "PUT";
        case verb::remove: return "DELETE";
    }
    return "GET";
}

}  // namespace steward::pve
