#pragma once
#include "pve/login.hpp"

#include <string>

namespace steward::pve {

/// Where the secrets are. Files must not be readable for group or others.
class credential_files {
  public:
    std::string token_file;     ///< USER@REALM!TOKENID=SECRET; or
    std::string user;           ///< user@realm, with
    std::string password_file;  ///< the password, and
    std::string totp_file;      ///< the second factor's secret in base32, if there is one
};

/// Errors: not_found, io, invalid; the text names the file and never what is in it.
[[nodiscard]] result<credentials> read_credentials(const credential_files& from);

/// How we appear in UPIDs: "user@realm" or "user@realm!tokenid".
[[nodiscard]] std::string own_user(const credentials& who);

}  // namespace steward::pve
