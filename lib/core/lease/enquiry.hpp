#pragma once
#include "base/ids.hpp"
#include "base/question.hpp"

#include <map>
#include <optional>
#include <vector>

namespace steward::lease {

/// A leader's questions to the daemons of the other nodes: please look at these guests yourselves (reliability §1.5).
/// They stand in the lease of its node, and the answers in theirs.
class enquiry {
  public:
    /// As many guests as are asked about at once: a lease has room for some hundreds, and what is down must fit as
    /// well.
    static constexpr std::size_t most = 100;

    /// Those that are in doubt now. One that is new among them makes a new question of it.
    void ask(std::uint64_t epoch, const std::vector<guest_id>& in_doubt);
    /// It does not lead any more, or not yet.
    void end() { *this = enquiry(); }

    [[nodiscard]] const question& current() const { return current_; }
    [[nodiscard]] std::vector<guest_id> asked() const;
    /// The one that the next guest in doubt will stand in first; nothing when there is no room for another guest.
    [[nodiscard]] std::optional<question> next(std::uint64_t epoch) const;
    /// The question in which that guest stood first: whoever has answered it, or a later one, has looked since.
    /// Nothing: nobody is asked about it.
    [[nodiscard]] std::optional<question> first_asked(guest_id guest) const;

  private:
    question current_;
    std::map<guest_id, question> since_;
};

}  // namespace steward::lease
