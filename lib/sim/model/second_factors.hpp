#pragma once
#include "base/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace steward::sim {

/// One time-based one-time password of a user.
class totp_factor {
  public:
    std::string id;
    std::string description;
    std::int64_t created = 0;  ///< seconds since 1970
    bool enable = true;
    std::string uri;              ///< "otpauth://totp/…?secret=BASE32"
    std::uint64_t last_step = 0;  ///< a code counts once
};

/// The one-time keys for the day when the telephone is gone.
class recovery_factor {
  public:
    std::int64_t created = 0;
    std::vector<std::string> hashes;  ///< "" for a used one
};

class factors_of_user {
  public:
    std::vector<totp_factor> totp;
    std::optional<recovery_factor> recovery;
    int totp_failures = 0;
    bool totp_locked = false;  ///< until a recovery key is used or an administrator unlocks
    int failures = 0;
    std::int64_t locked_until = 0;  ///< seconds since 1970
    [[nodiscard]] bool empty() const { return totp.empty() && !recovery; }
};

/// priv/tfa.cfg: second factors and what has been tried against them (pve-facts A.3, A.6).
class second_factors {
  public:
    [[nodiscard]] static second_factors parse(std::string_view text);
    [[nodiscard]] std::string text() const;

    [[nodiscard]] const factors_of_user* find(const std::string& userid) const;
    /// {"totp":true,"recovery":[0,1]}: what the user may answer with; nothing when he has no second factor.
    [[nodiscard]] std::optional<std::string> challenge(const std::string& userid) const;
    /// "totp:123456" or "recovery:…"; counts failures and uses up what counts once, so write the file afterwards.
    [[nodiscard]] bool verify(const std::string& userid, std::string_view response, wall_time now);

    std::map<std::string, factors_of_user> users;
};

/// The key in an otpauth URI; nothing when there is none.
[[nodiscard]] std::optional<std::string> totp_key(std::string_view uri);
/// How a recovery key is kept.
[[nodiscard]] std::string recovery_hash(std::string_view key);

}  // namespace steward::sim
