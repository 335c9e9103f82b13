#include "pve/credential_files.hpp"

#include "pve/totp.hpp"
#include "runtime/atomic_file.hpp"

namespace steward::pve {

namespace {

result<credentials> read_token(const std::string& file) {
    const auto secret = read_secret_file(file);
    if (!secret) return secret.error();
    if (secret->find('!') == std::string::npos || secret->find('=') == std::string::npos)
        return fault(errc::invalid, file, "must hold USER@REALM!TOKENID=SECRET");
    credentials who;
    who.token = *secret;
    return who;
}

}  // namespace

result<credentials> read_credentials(const credential_files& from) {
    if (!from.token_file.empty() && (!from.user.empty() || !from.password_file.empty()))
        return fault(errc::invalid, "credentials", "a token and a password exclude each other: name one of them");
    if (!from.token_file.empty()) return read_token(from.token_file);
    if (from.user.empty() || from.password_file.empty())
        return fault(errc::invalid, "credentials", "a token file, or a user and a password file, are needed");
    const auto password = read_secret_file(from.password_file);
    if (!password) return password.error();
    credentials who;
    who.user = from.user;
    who.password = *password;
    if (from.totp_file.empty()) return who;
    const auto text = read_secret_file(from.totp_file);
    if (!text) return text.error();
    const auto key = decode_base32(*text);
    if (!key) return fault(errc::invalid, from.totp_file, "must hold a TOTP secret in base32: " + key.error().detail);
    who.totp_key = *key;
    return who;
}

std::string own_user(const credentials& who) {
    return who.token.empty() ? who.user : who.token.substr(0, who.token.rfind('='));
}

}  // namespace steward::pve
