#pragma once
#include <string_view>

namespace steward::guard {

/// Tells systemd ("READY=1", "STOPPING=1") through the socket in NOTIFY_SOCKET; nothing without one. Done by hand,
/// because libsystemd would bring its compression libraries into a root process that needs none of them.
void notify_service_manager(std::string_view state);

}  // namespace steward::guard
