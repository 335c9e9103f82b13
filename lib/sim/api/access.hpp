#pragma once
#include "sim/api/call.hpp"
#include "sim/model/user_config.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <optional>
#include <string>

/// What the calls below /access share. Private to lib/sim/api.
namespace steward::sim::api {

/// Why something cannot be done, in PVE's words; nothing when it can.
using complaint = std::optional<std::string>;

/// user.cfg, changed under its cluster lock. Nothing when it is written, else the reply to hand back: the wait for the
/// lock, or 500 "FAILURE: complaint" and an unchanged file.
[[nodiscard]] std::optional<reply> change_users(call& c, const std::string& failure,
                                                const std::function<complaint(user_config&)>& change);
/// user.cfg as the executing node has it now.
[[nodiscard]] user_config read_users(const call& c);

/// Sets a password where the user's realm keeps it.
[[nodiscard]] complaint set_password(call& c, const std::string& userid, const std::string& password);

/// 403 without a word of why.
[[nodiscard]] reply forbidden();
/// How an exception with a parameter's name reads inside of "FAILURE: …".
[[nodiscard]] std::string parameter_complaint(const std::string& name, const std::string& text);

/// Any of these privileges on /access/groups or on a group that the user is in, or it is the caller himself.
[[nodiscard]] bool may_see_user(const call& c, const std::string& userid);
[[nodiscard]] bool may_any(const call& c, const std::string& acl_path, std::initializer_list<const char*> privileges);
/// Whether the caller may hand out rights on a path: Permissions.Modify, or below the roots of guests, storages and
/// pools the privilege to allocate. Nothing when he may, else "/vms/101, Permissions.Modify|VM.Allocate".
[[nodiscard]] std::optional<std::string> lacks_to_modify(const access_control& access, const identity& who,
                                                         const std::string& acl_path);

/// A changed second factor or password of another takes the caller's own password, unless he is root@pam.
[[nodiscard]] std::optional<reply> confirm_password(call& c, const std::string& userid, const char* parameter);

[[nodiscard]] const std::vector<route>& ticket_routes();
[[nodiscard]] const std::vector<route>& user_routes();
[[nodiscard]] const std::vector<route>& token_routes();
[[nodiscard]] const std::vector<route>& group_routes();
[[nodiscard]] const std::vector<route>& acl_routes();
[[nodiscard]] const std::vector<route>& realm_routes();
[[nodiscard]] const std::vector<route>& second_factor_routes();
[[nodiscard]] const std::vector<route>& pool_routes();

}  // namespace steward::sim::api
