#pragma once
#include "base/time.hpp"
#include "config/key_record.hpp"
#include "config/yaml_tree.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace steward::config {

/// Complaints about meaning, collected while sections are read.
class complaints {
  public:
    /// "guests.ct/101.restart.window: …"
    void add(place at, const std::string& path, std::string_view text);
    [[nodiscard]] std::vector<complaint>& all() { return all_; }

    /// "conf.d/web.yaml:3"
    [[nodiscard]] std::string place_of(place at) const;

    std::vector<key_record>* records = nullptr;  ///< where sections write down what they read, if somebody wants it
    std::vector<std::string> files;              ///< by place::file: their names

  private:
    std::vector<complaint> all_;
};

/// Smallest and largest value allowed.
template <class T>
class range {
  public:
    constexpr range(T low, T high) : least(low), most(high) {}
    T least;
    T most;
};

/// One map of the file while it is being read. Every key is asked for once, whether it is there or not; `finish` then
/// complains about the keys nobody asked for. Readers leave `into` alone when the key is missing or wrong, and return
/// the value's node when it was there and right.
class section {
  public:
    /// `n` may be null: a missing section reads as an empty one.
    section(const node* n, std::string path, complaints& to);

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] place at() const { return at_; }
    [[nodiscard]] bool usable() const { return map_ != nullptr; }
    [[nodiscard]] std::string path_of(std::string_view key) const;

    /// The value of a key, null when it is missing.
    const node* take(std::string_view key);
    const node* text(std::string_view key, std::string& into);
    const node* absolute_path(std::string_view key, std::string& into);
    const node* boolean(std::string_view key, bool& into);
    const node* number(std::string_view key, int& into, range<int> allowed);
    const node* time(std::string_view key, duration& into, range<duration> allowed);
    /// Index of the word in `words`.
    const node* choice(std::string_view key, std::size_t& into, const std::vector<std::string_view>& words);
    /// A list, or one value alone, of texts that `read` turns into something; its fault is the complaint.
    const node* texts(std::string_view key, const std::function<result<void>(const std::string&)>& read);

    /// The text of a scalar that stands at `path`; complains when it is something else.
    static const std::string* scalar(const node& n, const std::string& path, complaints& to);

    void complain(place at, std::string_view text) { to_.add(at, path_, text); }
    void complain(place at, std::string_view key, std::string_view text) { to_.add(at, path_of(key), text); }
    /// Keys that were never asked for.
    void finish();

  private:
    const node* find(std::string_view key);
    /// Writes down what became of a key.
    void record(std::string_view key, key_record what) const;
    void record_by_hand(const std::string& path, const node& n) const;

    const node* map_ = nullptr;
    place at_;
    std::string path_;
    complaints& to_;
    std::vector<std::string_view> known_;
};

}  // namespace steward::config
