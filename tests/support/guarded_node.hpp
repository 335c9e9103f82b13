#pragma once
#include "guard/desk.hpp"
#include "guard/heart.hpp"
#include "guard/lease_writer.hpp"
#include "support/temporary_directory.hpp"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace steward {

inline void write_text(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

inline std::string read_text(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// watchdog-mux as its clients see it: takes one connection and remembers what came.
class listening_mux {
  public:
    explicit listening_mux(const std::filesystem::path& path) : listener_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path.c_str());
        if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(listener_.get(), 4) != 0)
            throw std::runtime_error("no mux at " + path.string());
    }
    /// All bytes since the last time; "closed" behind them when the client has gone.
    std::string heard() {
        if (client_.get() < 0 && is_readable(listener_.get()))
            client_ = guard::descriptor(::accept(listener_.get(), nullptr, nullptr));
        std::string all;
        while (client_.get() >= 0 && is_readable(client_.get())) {
            char c = 0;
            if (::read(client_.get(), &c, 1) != 1) {
                client_ = guard::descriptor();
                return all + "closed";
            }
            all += c == '\0' ? '.' : c;
        }
        return all;
    }
    void hang_up() { client_ = guard::descriptor(); }

  private:
    static bool is_readable(int fd) {
        pollfd watched{fd, POLLIN, 0};
        return ::poll(&watched, 1, 0) == 1;
    }
    guard::descriptor listener_;
    guard::descriptor client_;
};

/// What several guards of a cluster share: pmxcfs as a plain directory, and the time.
class guarded_cluster {
  public:
    guarded_cluster() {
        for (const char* n : {"n1", "n2", "n3"}) {
            std::filesystem::create_directories(pve() / "nodes" / n / "lxc");
            std::filesystem::create_directories(pve() / "nodes" / n / "qemu-server");
        }
        write_text(corosync(), three_nodes);
    }
    [[nodiscard]] std::filesystem::path pve() const { return dir.path() / "pve"; }
    [[nodiscard]] std::filesystem::path corosync() const { return dir.path() / "corosync.conf"; }
    [[nodiscard]] guard::clocks clocks() {
        guard::clocks c;
        c.boottime = [this] { return now; };
        c.wall = [this] {
            return wall_start + std::chrono::duration_cast<std::chrono::seconds>(now - start) + wall_step;
        };
        return c;
    }
    /// pmxcfs without quorum, near enough: it takes no writes.
    void lose_quorum() const { std::filesystem::rename(pve(), dir.path() / "gone"); }
    void regain_quorum() const { std::filesystem::rename(dir.path() / "gone", pve()); }

    static constexpr const char* three_nodes =
        "totem {\n  token: 3000\n  token_coefficient: 125\n}\nnodelist {\n  node {\n    name: n1\n  }\n  node {\n    "
        "name: "
        "n2\n  }\n  node {\n    name: n3\n  }\n}\nquorum {\n  provider: corosync_votequorum\n}\n";
    static constexpr time_point start{std::chrono::seconds(5000)};
    static constexpr wall_time wall_start{std::chrono::seconds(1'790'000'000)};
    temporary_directory dir;
    time_point now = start;
    std::chrono::seconds wall_step{};
};

/// One node's steward-guard without its threads and its socket: tests turn it themselves.
class guarded_node {
  public:
    guarded_node(guarded_cluster& all, const std::string& name, lease::contract wanted = lease::contract::none,
                 const std::string& boot = "boot-1")
        : cluster(all),
          name_(name),
          directory(all.dir.path() / ("node-" + name)),
          mux(prepared(directory) / "mux"),
          heart(setup(name, wanted, boot), all.clocks()),
          writer(all.pve(), all.corosync(), node_name(name), heart, others, all.clocks()),
          desk(workplace(name), heart, others, all.clocks()) {}

    /// A second passes on this node alone.
    void second() {
        cluster.now += std::chrono::seconds(1);
        heart.tick();
    }
    /// What the daemon says: that it looks after these.
    void manage(std::vector<guest_id> guests) {
        daemon_words w;
        w.config_digest = "d";
        w.is_fit = true;
        w.managed = std::move(guests);
        heart.hear(std::move(w));
    }
    void run_guest(guest_id g) const {
        write_text(cgroup_of(g) / "cgroup.events", "populated 1\nfrozen 0\n");
        write_text(cgroup_of(g) / "cgroup.kill", "");
    }
    /// Whether the kernel was told to end it.
    [[nodiscard]] bool is_told_to_end(guest_id g) const { return read_text(cgroup_of(g) / "cgroup.kill") == "1"; }
    void end_guest(guest_id g) const { write_text(cgroup_of(g) / "cgroup.events", "populated 0\nfrozen 0\n"); }
    [[nodiscard]] guard::reply ask(guard::verb what, const std::string& name, const std::string& text = {},
                                   std::uint64_t epoch = 0) {
        guard::request r;
        r.what = what;
        r.name = name;
        r.text = text;
        r.epoch = epoch;
        return desk.answer(r);
    }
    /// This node's lease as everybody reads it.
    [[nodiscard]] lease::node_lease lease() const {
        auto parsed = lease::parse_node_lease(read_text(cluster.pve() / "priv/steward/nodes" / name_));
        return parsed ? *parsed : lease::node_lease();
    }

    guarded_cluster& cluster;

  private:
    std::string name_;

  public:
    std::filesystem::path directory;
    listening_mux mux;
    guard::heart heart;
    guard::lease_ages others;
    guard::lease_writer writer;
    guard::desk desk;

  private:
    [[nodiscard]] std::filesystem::path cgroup_of(guest_id g) const {
        const std::string id = to_string(g.id);
        return directory / "cgroup" / (g.type == guest_type::ct ? "lxc/" + id : "qemu.slice/" + id + ".scope");
    }
    static const std::filesystem::path& prepared(const std::filesystem::path& d) {
        std::filesystem::create_directories(d / "cgroup/lxc");
        return d;
    }
    guard::heart_setup setup(const std::string& name, lease::contract wanted, const std::string& boot) {
        guard::heart_setup s;
        s.node = node_name(name);
        s.boot_id = boot;
        s.wanted = wanted;
        s.watchdog = directory / "mux";
        s.cgroup_root = directory / "cgroup";
        s.managed_file = directory / "managed";
        return s;
    }
    guard::workplace workplace(const std::string& name) const {
        guard::workplace w(cluster.pve());
        w.local_node = node_name(name);
        return w;
    }
};

}  // namespace steward
