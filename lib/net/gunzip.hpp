#pragma once
#include "base/result.hpp"

#include <memory>
#include <string>
#include <string_view>

/// Private to this room.
namespace steward::net {

/// Unpacks one gzip member (RFC 1952) piece by piece: some of PVE's streams come packed whether asked for or not
/// (pve-facts C.4).
class gunzip {
  public:
    gunzip();
    ~gunzip();
    gunzip(const gunzip&) = delete;
    gunzip& operator=(const gunzip&) = delete;

    void put(std::string_view packed);
    /// Appends the next plain bytes, at most 64 KiB of them; false when more packed ones are needed first. garbage when
    /// this is not gzip, or its checksum is wrong.
    [[nodiscard]] result<bool> next(std::string& plain);
    /// The member is complete.
    [[nodiscard]] bool is_over() const;

  private:
    class state;
    std::unique_ptr<state> state_;
};

}  // namespace steward::net
