#include "cluster/pmxcfs_store.hpp"

#include "base/sha1.hpp"
#include "guard/server.hpp"
#include "support/guarded_node.hpp"
#include "support/run_awaitable.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <thread>

using namespace steward;
using namespace std::chrono_literals;

namespace {

const guest_id ct101(guest_type::ct, vmid(101));
const std::string config = "hostname: web\nrootfs: local-lvm:vm-101-disk-0,size=8G\n";

/// A node whose guard answers on its socket, in a thread of this process, and a daemon's store that asks it.
class served_node {
  public:
    explicit served_node(guarded_cluster& all, const std::string& name)
        : node(all, name), store(time, socket(), [this] { return epoch; }) {
        REQUIRE(::pipe(stop_.data()) == 0);
        auto listening = guard::server::listen(socket(), ::geteuid(),
                                               [this](const guard::request& r) { return node.desk.answer(r); });
        REQUIRE(listening);
        server_ = std::make_unique<guard::server>(std::move(*listening));
        REQUIRE(node.writer.renew());
        thread_ = std::thread([this] { static_cast<void>(server_->run(stop_[0])); });
    }
    ~served_node() {
        ::close(stop_[1]);
        thread_.join();
        ::close(stop_[0]);
    }
    served_node(const served_node&) = delete;
    served_node& operator=(const served_node&) = delete;
    template <class T>
    T run(boost::asio::awaitable<T> work) {
        return run_awaitable(io, std::move(work));
    }
    [[nodiscard]] std::string socket() const { return (node.directory / "guard.sock").string(); }

    guarded_node node;
    boost::asio::io_context io;
    os_time time;
    std::uint64_t epoch = 0;
    pmxcfs_store store;

  private:
    std::array<int, 2> stop_{};
    std::unique_ptr<guard::server> server_;
    std::thread thread_;
};

}  // namespace

TEST_CASE("pmxcfs store: lock, epoch, records, claims and leases go through the guard and are seen by the other node") {
    guarded_cluster all;
    served_node n1(all, "n1");
    served_node n2(all, "n2");
    CHECK_FALSE(n1.run(n1.store.look())->lock.is_held);
    REQUIRE(n1.run(n1.store.acquire_lock(false)));
    CHECK(n2.run(n2.store.acquire_lock(false)).error().code == errc::exists);
    CHECK(n1.run(n1.store.look())->highest_epoch == 0);
    CHECK(*n1.run(n1.store.claim_epoch(1)));
    CHECK_FALSE(*n1.run(n1.store.claim_epoch(1)));
    CHECK(n2.run(n2.store.look())->highest_epoch == 1);

    CHECK(n1.run(n1.store.save_record("guest.101", "{}")).error().code == errc::no_quorum);  // in no epoch
    n1.epoch = 1;
    const std::string long_text(4096, 'x');
    REQUIRE(n1.run(n1.store.save_record("guest.101", "line one\nline=two\n")));
    REQUIRE(n1.run(n1.store.save_record("guest.102", long_text)));
    n2.epoch = 1;
    CHECK(n2.run(n2.store.save_record("guest.101", "{}")).error().code == errc::no_quorum);  // not the leader
    const auto records = n2.run(n2.store.load_records());
    REQUIRE(records);
    REQUIRE(records->size() == 2);
    CHECK(records->at(0).name == "guest.101");
    CHECK(records->at(0).text == "line one\nline=two\n");
    CHECK(records->at(1).text == long_text);
    CHECK(*n1.run(n1.store.claim("fo.101.3")));
    CHECK_FALSE(*n1.run(n1.store.claim("fo.101.3")));

    daemon_words words;
    words.config_digest = "d";
    words.is_fit = true;
    words.leads = 1;
    words.down = {ct101};
    CHECK(n1.run(n1.store.say(words))->starts_with("phase="));
    REQUIRE(n1.node.writer.renew());
    const auto seen = n2.run(n2.store.look());
    REQUIRE(seen);
    REQUIRE(seen->leases.size() == 2);
    const auto lease = lease::parse_node_lease(seen->leases.front().text);
    REQUIRE(lease);
    CHECK(lease->leads == 1);
    CHECK(lease->down == words.down);

    REQUIRE(n2.run(n2.store.write_confirmation(node_name("n3"), "boot-1 1790000000 root")));
    CHECK(*n1.run(n1.store.read_confirmation(node_name("n3"))) == "boot-1 1790000000 root");
    CHECK(n1.run(n1.store.read_confirmation(node_name("n2")))->empty());
    REQUIRE(n1.run(n1.store.renew_lock()));
    REQUIRE(n1.run(n1.store.release_lock()));
    CHECK_FALSE(n2.run(n2.store.look())->lock.is_held);
}

TEST_CASE("pmxcfs store: a configuration is parked, listed, brought back and removed") {
    guarded_cluster all;
    served_node n1(all, "n1");
    write_text(all.pve() / "nodes/n2/lxc/101.conf", config);
    REQUIRE(n1.run(n1.store.acquire_lock(false)));
    REQUIRE(*n1.run(n1.store.claim_epoch(1)));
    n1.epoch = 1;
    CHECK(**n1.run(n1.store.read_config(node_name("n2"), ct101)) == config);
    CHECK_FALSE(n1.run(n1.store.read_config(node_name("n3"), ct101))->has_value());
    guard::request what;
    what.guest = ct101;
    what.source = node_name("n2");
    what.generation = 3;
    what.digest = sha1_hex(config);
    CHECK(*n1.run(n1.store.park(what)) == "priv/steward/parked/101.n2.g3.conf");
    const auto parked = n1.run(n1.store.load_parked());
    REQUIRE(parked);
    CHECK(std::any_of(parked->begin(), parked->end(), [](const auto& p) { return p.name == "101.n2.g3.conf"; }));
    REQUIRE(n1.run(n1.store.unpark(what)));
    CHECK(read_text(all.pve() / "nodes/n2/lxc/101.conf") == config);
    what.generation = 4;
    REQUIRE(n1.run(n1.store.park(what)));
    REQUIRE(n1.run(n1.store.discard(what)));
    CHECK(n1.run(n1.store.discard(what)).error().code == errc::not_found);
}

TEST_CASE("pmxcfs store: a guard that is not there is unavailable, not a refusal") {
    boost::asio::io_context io;
    os_time time;
    pmxcfs_store store(time, "/nowhere/guard.sock", [] { return std::uint64_t{1}; });
    CHECK(run_awaitable(io, store.renew_lock()).error().code == errc::unavailable);
    CHECK(run_awaitable(io, store.look()).error().code == errc::unavailable);
    CHECK(run_awaitable(io, store.say({})).error().code == errc::unavailable);
}
