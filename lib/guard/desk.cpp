#include "guard/desk.hpp"

#include "base/key_lines.hpp"
#include "core/handover/handover.hpp"
#include "core/leader/leader.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::guard {

using handover::config_name;
using handover::kept_name;
using handover::node_directory;
using handover::parked_directory;
using handover::parked_name;

namespace {

constexpr const char* root = "priv/steward/";
constexpr const char* epochs = "priv/steward/epoch";
constexpr const char* locks = "priv/lock";
constexpr const char* leader_lock = "steward-leader";
constexpr std::size_t longest_name = 128;
constexpr std::size_t room_in_reply = max_reply - 256;

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// "records/guest.101" in two; nothing when it is no name of ours.
class place {
  public:
    std::string directory;
    std::string name;
};
std::optional<place> place_of(const std::string& text) {
    const auto slash = text.find('/');
    if (slash == std::string::npos) return std::nullopt;
    place p{text.substr(0, slash), text.substr(slash + 1)};
    const bool is_name = !p.name.empty() && p.name.size() <= longest_name && p.name.front() != '.' &&
                         p.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
                             std::string::npos;
    if (!is_name) return std::nullopt;
    return p;
}

reply yes(bool is_so) {
    reply r;
    r.ok = true;
    r.yes = is_so;
    return r;
}

reply with_text(bool is_there, std::string text) {
    if (text.size() > room_in_reply) return refusal(errc::garbage, "it is larger than a reply can be");
    reply r = yes(is_there);
    r.text = std::move(text);
    return r;
}

reply done(std::optional<failure> failed) {
    if (failed) return refusal(failed->may_have_happened ? errc::outcome_unknown : failed->code, failed->detail);
    return yes(true);
}

outcome<std::uint64_t> highest_epoch(pve_files& files) {
    auto names = files.list(epochs);
    if (auto* why = std::get_if<failure>(&names)) return std::move(*why);
    return highest_number(std::get<std::vector<std::string>>(names));
}

}  // namespace

desk::desk(workplace where, heart& own, const lease_ages& others, clocks time)
    : where_(std::move(where)), heart_(own), others_(others), time_(std::move(time)) {
    where_.permit = [this](pve_files& files, const request& r) { return forbidden(files, r); };
}

reply desk::answer(const request& r) {
    switch (r.what) {
        case verb::park:
        case verb::unpark:
        case verb::relocate:
        case verb::unlock:
        case verb::check: return carry_out(r, where_);
        case verb::say: {
            auto words = parse_daemon_words(r.text);
            if (!words) return refusal(errc::garbage, "these are no words of a daemon");
            heart_.hear(std::move(*words));
            return with_text(true, heart_.status());
        }
        case verb::leave: {
            const auto what = lease::parse_departure(r.name);
            if (!what) return refusal(errc::invalid, "\"" + r.name + "\" is none of shutdown, reboot, none");
            heart_.leave(*what);
            return yes(true);
        }
        default: return with_files(r);
    }
}

reply desk::with_files(const request& r) {
    auto opened = pve_files::open(where_.pve_root, where_.local_node);
    if (const auto* why = std::get_if<failure>(&opened)) return refusal(*why);
    pve_files& files = std::get<pve_files>(opened);
    switch (r.what) {
        case verb::list: return list(files, r);
        case verb::read: return read(files, r);
        case verb::save: return save(files, r);
        case verb::claim: return claim(files, r);
        case verb::config: return config(files, r);
        case verb::discard: return discard(files, r);
        case verb::lock: return lock(files, r.name);
        default: return refusal(errc::unsupported, "this guard does not know that verb");
    }
}

bool desk::holds_lock() const { return lock_since_ && time_.boottime() - *lock_since_ < leader::timing::act; }

/// Behind a write: only then is what is read what the cluster agreed on.
std::optional<reply> desk::not_the_leader(pve_files& files, const request& r) const {
    auto newest = highest_epoch(files);
    if (const auto* why = std::get_if<failure>(&newest)) return refusal(*why);
    const std::uint64_t epoch = std::get<std::uint64_t>(newest);
    if (r.epoch == 0 && epoch == 0) return std::nullopt;
    if (r.epoch != epoch)
        return refusal(errc::no_quorum,
                       fmt::format("asked in epoch {}, but the cluster is led in epoch {}", r.epoch, epoch));
    if (!heart_.serves_changes())
        return refusal(errc::no_quorum,
                       "this node's lease could not be renewed for " + describe_duration(heart_.lease_age()));
    if (!holds_lock()) return refusal(errc::no_quorum, "the leader's lock was not renewed here in the last 30 s");
    return std::nullopt;
}

std::optional<reply> desk::not_gone(pve_files& files, const node_name& source) const {
    auto said = files.read(std::string(root) + "fence", source.str());
    if (const auto* why = std::get_if<failure>(&said)) return refusal(*why);
    const std::string doubt =
        others_.doubt(source, std::get<std::optional<std::string>>(said).value_or(""), time_.boottime());
    if (doubt.empty()) return std::nullopt;
    // Not yet, rather than never: the daemon asks again.
    return refusal(errc::no_quorum, doubt + ": it is not proven to be down");
}

std::optional<reply> desk::forbidden(pve_files& files, const request& r) const {
    if (auto why = not_the_leader(files, r)) return why;
    if (r.is_source_gone && r.epoch != 0) return not_gone(files, r.source);
    return std::nullopt;
}

reply desk::list(pve_files& files, const request& r) const {
    if (!is_one_of(r.name, {"records", "nodes", "epoch", "fence", "parked"}))
        return refusal(errc::invalid, "\"" + r.name + "\" is no directory that is listed");
    auto names = files.list(root + r.name);
    if (const auto* why = std::get_if<failure>(&names)) return refusal(*why);
    std::string text;
    for (const std::string& name : std::get<std::vector<std::string>>(names)) text += name + "\n";
    return with_text(true, std::move(text));
}

reply desk::read(pve_files& files, const request& r) const {
    const auto where = place_of(r.name);
    if (!where || !is_one_of(where->directory, {"records", "nodes", "fence", "parked"}))
        return refusal(errc::invalid, "\"" + r.name + "\" is nothing that can be read");
    auto text = files.read(root + where->directory, where->name);
    if (const auto* why = std::get_if<failure>(&text)) return refusal(*why);
    auto& found = std::get<std::optional<std::string>>(text);
    return with_text(found.has_value(), found ? std::move(*found) : std::string());
}

reply desk::save(pve_files& files, const request& r) const {
    const auto where = place_of(r.name);
    if (!where || !is_one_of(where->directory, {"records", "fence"}))
        return refusal(errc::invalid, "\"" + r.name + "\" is nothing that can be written");
    if (r.text.empty() || r.text.size() > max_record)
        return refusal(errc::invalid, r.name + " would be empty or larger than 4096 bytes");
    if (const auto why = files.prove_writable()) return refusal(*why);
    // What a person says about a node may be written down by any daemon whose node is in the majority.
    if (where->directory == "records")
        if (auto why = not_the_leader(files, r)) return std::move(*why);
    return done(files.write(root + where->directory, where->name, r.text));
}

reply desk::claim(pve_files& files, const request& r) const {
    const auto where = place_of(r.name);
    if (!where || !is_one_of(where->directory, {"claims", "epoch"}))
        return refusal(errc::invalid, "\"" + r.name + "\" is nothing that can be claimed");
    const bool is_epoch = where->directory == "epoch";
    if (is_epoch && !parse_number(where->name)) return refusal(errc::invalid, "an epoch is a number");
    if (is_epoch && !(heart_.serves_changes() && holds_lock()))
        return refusal(errc::no_quorum, "only who holds the leader's lock begins an epoch");
    if (!is_epoch) {
        if (const auto why = files.prove_writable()) return refusal(*why);
        if (auto why = not_the_leader(files, r)) return std::move(*why);
    }
    auto made = files.make_directory(root + where->directory, where->name);
    if (auto* why = std::get_if<failure>(&made)) return done(std::move(*why));
    return yes(std::get<bool>(made));
}

reply desk::config(pve_files& files, const request& r) const {
    auto text = files.read(node_directory(r.source, r.guest.type), config_name(r.guest.id));
    if (const auto* why = std::get_if<failure>(&text)) return refusal(*why);
    auto& found = std::get<std::optional<std::string>>(text);
    return with_text(found.has_value(), found ? std::move(*found) : std::string());
}

/// Both files of one parked configuration; the last trace of where its volumes are.
reply desk::discard(pve_files& files, const request& r) const {
    auto parked = files.modified(parked_directory, parked_name(r));
    if (const auto* why = std::get_if<failure>(&parked)) return refusal(*why);
    if (!std::get<std::optional<std::int64_t>>(parked))
        return refusal(errc::not_found, parked_name(r) + " does not exist");
    if (const auto why = files.prove_writable()) return refusal(*why);
    if (auto why = forbidden(files, r)) return std::move(*why);
    if (auto why = files.remove_file(parked_directory, parked_name(r))) return done(std::move(*why));
    return done(files.remove_file(parked_directory, kept_name(r)));
}

reply desk::lock(pve_files& files, const std::string& what) {
    const time_point begun = time_.boottime();
    if (what == "look") {
        auto when = files.modified(locks, leader_lock);
        if (const auto* why = std::get_if<failure>(&when)) return refusal(*why);
        const auto& stamp = std::get<std::optional<std::int64_t>>(when);
        return with_text(stamp.has_value(), stamp ? std::to_string(*stamp) : "");
    }
    if (what == "renew") return renew_lock(files, begun);
    if (what == "release") {
        // Only while it is surely ours: rmdir asks nobody (reliability L4).
        if (!lock_since_ || begun - *lock_since_ >= leader::timing::release)
            return refusal(errc::refused, "it was not renewed here in the last 20 s: it expires by itself");
        lock_since_.reset();
        return done(files.remove_directory(locks, leader_lock));
    }
    if (!is_one_of(what, {"take", "ask"})) return refusal(errc::invalid, "a lock is not done that to: " + what);
    if (!heart_.serves_changes()) return refusal(errc::no_quorum, "this node has no fresh lease");
    // Whether its holder is too old is judged by pmxcfs itself; whoever asks has waited for 120 s (reliability L3).
    if (what == "ask") {
        const auto failed = files.set_modified(locks, leader_lock, 0);
        if (failed && failed->code != errc::not_found) return done(failed);
    }
    auto made = files.make_directory(locks, leader_lock);
    if (auto* why = std::get_if<failure>(&made)) return done(std::move(*why));
    if (!std::get<bool>(made)) return refusal(errc::exists, "another node has the leader's lock");
    auto when = files.modified(locks, leader_lock);
    if (const auto* why = std::get_if<failure>(&when)) return refusal(*why);
    lock_since_ = begun;
    lock_stamp_ = std::get<std::optional<std::int64_t>>(when).value_or(0);
    return yes(true);
}

/// Its time never goes back, whatever the wall clock does (reliability P5, L2).
reply desk::renew_lock(pve_files& files, time_point begun) {
    if (!lock_since_ || begun - *lock_since_ >= leader::timing::hold)
        return refusal(errc::refused, "it was not renewed here in the last 45 s: it is ours no more");
    auto when = files.modified(locks, leader_lock);
    if (const auto* why = std::get_if<failure>(&when)) return refusal(*why);
    const auto& stored = std::get<std::optional<std::int64_t>>(when);
    // Somebody has only asked for its age: that changes nothing.
    const bool is_ours = stored && (*stored == lock_stamp_ || *stored == 0);
    if (!is_ours) {
        lock_since_.reset();
        return refusal(errc::exists, "the leader's lock is not ours any more");
    }
    const std::int64_t stamp =
        std::max(lock_stamp_ + 1, static_cast<std::int64_t>(time_.wall().time_since_epoch().count()));
    if (auto failed = files.set_modified(locks, leader_lock, stamp)) return done(std::move(failed));
    lock_stamp_ = stamp;
    lock_since_ = begun;
    return yes(true);
}

}  // namespace steward::guard
