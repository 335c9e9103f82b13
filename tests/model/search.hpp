#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

/// Every state that a small world can come to, breadth first: what is found broken is found on a shortest way.
namespace steward::model_check {

/// A set of 64-bit fingerprints with open addressing: ten million of them in 256 MiB. Two states in 10^12 may be taken
/// for one.
class fingerprints {
  public:
    /// False when it was there.
    bool insert(std::uint64_t print) {
        if (2 * (size_ + 1) > slots_.size()) grow();
        std::uint64_t& slot = find(slots_, print | 1U);
        if (slot != 0) return false;
        slot = print | 1U;
        ++size_;
        return true;
    }

  private:
    static std::uint64_t& find(std::vector<std::uint64_t>& in, std::uint64_t print) {
        std::size_t at = (print >> 1U) & (in.size() - 1);
        while (in[at] != 0 && in[at] != print) at = (at + 1) & (in.size() - 1);
        return in[at];
    }
    void grow() {
        std::vector<std::uint64_t> larger(2 * slots_.size());
        for (const std::uint64_t print : slots_)
            if (print != 0) find(larger, print) = print;
        slots_ = std::move(larger);
    }
    std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(1U << 16U);
    std::size_t size_ = 0;
};

template <class State>
std::uint64_t fingerprint(const State& s) {
    static_assert(std::has_unique_object_representations_v<State>, "its bytes are compared");
    std::array<unsigned char, (sizeof(State) + 7) / 8 * 8> bytes{};
    std::memcpy(bytes.data(), &s, sizeof s);
    std::uint64_t h = 0x9e3779b97f4a7c15U;
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, 8);
        h = (h ^ word) * 0xff51afd7ed558ccdU;
        h ^= h >> 32U;
    }
    return h;
}

class outcome {
  public:
    std::size_t states = 0;
    std::size_t depth = 0;             ///< steps of the longest shortest way
    bool is_complete = false;          ///< nothing was left out
    std::string broken;                ///< the invariant; "" when all of them hold
    std::vector<std::string> history;  ///< how it came to that, a line for each step
};

/// `World` has: State, `State first()`, `int actions()`, `const char* name_of(int)`, `std::optional<State>
/// step(State, int)` (nothing when that cannot happen now), `const char* broken(State)` (nullptr: fine) and
/// `std::string describe(State)`.
template <class World>
class search {
  public:
    using State = typename World::State;
    search(const World& world, std::size_t most_states) : world_(world), most_(most_states) {}

    outcome run() {
        std::vector<State> now;
        std::vector<State> next;
        remember(world_.first(), 0, 0, now);
        std::size_t first_index = 0;  // of `now`
        for (; !now.empty() && found_.broken.empty(); ++found_.depth) {
            const std::size_t next_index = came_from_.size();
            for (std::size_t i = 0; i < now.size() && found_.broken.empty() && came_from_.size() < most_; ++i)
                expand(now[i], first_index + i, next);
            now = std::move(next);
            next.clear();
            first_index = next_index;
            if (came_from_.size() >= most_) break;
        }
        found_.states = came_from_.size();
        found_.is_complete = found_.broken.empty() && found_.states < most_;
        return found_;
    }

  private:
    class origin {
      public:
        std::uint32_t state = 0;
        std::uint8_t action = 0;
    };

    void expand(const State& from, std::size_t index, std::vector<State>& into) {
        for (int action = 0; action < world_.actions(); ++action) {
            const std::optional<State> to = world_.step(from, action);
            if (!to || !remember(*to, index, action, into)) continue;
            const char* what = world_.broken(*to);
            if (what == nullptr) continue;
            found_.broken = what;
            tell(came_from_.size() - 1);
            return;
        }
    }

    bool remember(const State& s, std::size_t parent, int action, std::vector<State>& into) {
        if (!known_.insert(fingerprint(s))) return false;
        came_from_.push_back({static_cast<std::uint32_t>(parent), static_cast<std::uint8_t>(action)});
        into.push_back(s);
        return true;
    }

    /// The steps again, from the beginning.
    void tell(std::size_t index) {
        std::vector<int> actions;
        for (; index != 0; index = came_from_[index].state) actions.push_back(came_from_[index].action);
        std::reverse(actions.begin(), actions.end());
        State s = world_.first();
        found_.history.push_back("at first: " + world_.describe(s));
        for (const int action : actions) {
            s = *world_.step(s, action);
            found_.history.push_back(std::string(world_.name_of(action)) + ": " + world_.describe(s));
        }
    }

    const World& world_;
    std::size_t most_;
    fingerprints known_;
    std::vector<origin> came_from_;
    outcome found_;
};

}  // namespace steward::model_check
