#include "core/handover/handover.hpp"

#include "core/handover/config_text.hpp"
#include "sim/model/cluster.hpp"

#include <fmt/core.h>

/// The guard's verbs on the model's files: decided by the guard's own code, carried out here.
namespace steward::sim {

namespace {

using guard::reply;
using handover::observed;
using handover::step;

/// More than the longest way through takes.
constexpr unsigned most_rounds = 12;

std::string beside_parked(const std::string& name) { return std::string(handover::parked_directory) + "/" + name; }

}  // namespace

/// Where the files that matter are, and hands that change them.
class config_hands {
  public:
    config_hands(config_files& files, const guard::request& what) : files_(files), what_(what) {}

    [[nodiscard]] observed look(bool has_target) const {
        observed seen;
        seen.home = files_.tree().read(home());
        seen.parked = files_.tree().read(parked());
        seen.original = files_.tree().read(kept());
        if (what_.what == guard::verb::relocate || what_.what == guard::verb::unlock)
            seen.away = files_.tree().read(away());
        seen.record = files_.tree().read(record());
        seen.has_target = has_target;
        const auto owner = files_.find(what_.guest.id);
        const bool is_expected =
            owner && owner->guest == what_.guest && (owner->node == what_.source || owner->node == what_.target);
        if (owner && !is_expected && what_.what != guard::verb::park)
            seen.taken_by = config_files::path(owner->node, owner->guest);
        return seen;
    }

    result<void> take(step next, const observed& seen) {
        switch (next) {
            case step::finish: return {};
            case step::keep_original: return write(kept(), *seen.home);
            case step::lock_home: return write_home(handover::locked_text(*seen.original));
            case step::park_home: return files_.rename(home(), parked());
            case step::lock_parked: return write(parked(), handover::locked_text(*seen.original));
            case step::unlock_parked: return write(parked(), *seen.original);
            case step::bring_home: return files_.rename(parked(), home());
            case step::unlock_home: return write(home(), *seen.original);
            case step::move_to_target: return files_.rename(home(), away());
            case step::unlock_away: return write(away(), handover::unlocked_text(*seen.away));
        }
        return {};
    }

  private:
    [[nodiscard]] std::string home() const { return config_files::path(what_.source, what_.guest); }
    [[nodiscard]] std::string away() const { return config_files::path(what_.target, what_.guest); }
    [[nodiscard]] std::string parked() const { return beside_parked(handover::parked_name(what_)); }
    [[nodiscard]] std::string kept() const { return beside_parked(handover::kept_name(what_)); }

    [[nodiscard]] std::string record() const {
        return std::string(handover::record_directory) + "/" + handover::record_name(what_.guest.id);
    }

    result<void> write(const std::string& path, const std::string& text) {
        files_.tree().write(path, text);
        return {};
    }
    /// By the guard of its own node, whose quorum counts; by another's once that one is gone.
    result<void> write_home(const std::string& text) {
        if (what_.is_source_gone) return write(home(), text);
        return files_.write(what_.source, what_.guest, text);
    }

    config_files& files_;
    const guard::request& what_;
};

result<std::string> cluster::hand_over(guard::verb verb, const guard::request& asked, const node_name& writer) {
    guard::request what = asked;
    what.what = verb;
    if (!writer.empty() && !is_quorate(writer))
        return fault(errc::no_quorum, guard::name_of(verb), "cluster not ready - no quorum?");
    config_hands hands(files_, what);
    for (unsigned round = 0; round < most_rounds; ++round) {
        const observed seen = hands.look(find_node(what.target) != nullptr);
        const handover::decision next = handover::next_step(what, seen);
        if (next.what != step::finish) {
            if (auto done = hands.take(next.what, seen); !done) return done.error();
            continue;
        }
        if (!next.answer.ok) return fault(next.answer.code, guard::name_of(verb), next.answer.detail);
        changed();
        return next.answer.path;
    }
    return fault(errc::outcome_unknown, guard::name_of(verb), "the files do not keep what is written");
}

result<std::string> cluster::park(const guard::request& what) {
    return hand_over(guard::verb::park, what, what.is_source_gone ? node_name() : what.source);
}

result<void> cluster::unpark(const guard::request& what) {
    if (auto done = hand_over(guard::verb::unpark, what, what.source); !done) return done.error();
    return {};
}

result<void> cluster::relocate(const guard::request& what) {
    if (auto done = hand_over(guard::verb::relocate, what, what.target); !done) return done.error();
    return {};
}

/// By whoever leads, whose quorum its store has asked about.
result<void> cluster::unlock(const guard::request& what) {
    if (auto done = hand_over(guard::verb::unlock, what, node_name()); !done) return done.error();
    return {};
}

}  // namespace steward::sim
