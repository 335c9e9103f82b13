#include "services/health/pve_probers.hpp"

#include "support/simulated_site.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;

namespace {

/// Checks that look through the API of a simulated cluster; what the list of guests says is up to the test.
class seen_through_pve {
  public:
    explicit seen_through_pve(const std::string& vm_lines = "agent: 1\n")
        : site(options_with(vm_lines)),
          wire(site.model, site.time, sim::failover_token()),
          api(wire, site.time, 20s),
          from(api) {
        task_group first(site.time.io().get_executor());
        first.spawn("look", look_once());
        site.time.run_for(30s);
        seen.is_known = true;
        seen.is_node_online = true;
        seen.is_running = true;
        from.around = [this](guest_id) { return seen; };
        from.home_of = [this](guest_id g) {
            const auto place = site.model.files().find(g.id);
            return place ? place->node : node_name();
        };
    }

    probe_result ask(net::prober& prober) {
        probe_result got(verdict::unknown, "did not answer");
        task_group tasks(site.time.io().get_executor());
        tasks.spawn("ask", answer_of(prober, got));
        site.time.run_for(30s);
        CHECK(tasks.size() == 0);
        return got;
    }

    simulated_site site;
    sim::direct_transport wire;
    pve::client api;
    pve_sources from;
    health::circumstances seen;

  private:
    /// Which calls there are depends on the version of PVE.
    boost::asio::awaitable<void> look_once() {
        const auto view = co_await api.look();
        CHECK(view);
    }
    static boost::asio::awaitable<void> answer_of(net::prober& prober, probe_result& into) {
        probe_result got = co_await prober.run();
        into = std::move(got);
    }
    static sim::options options_with(const std::string& vm_lines) {
        sim::options o = simulated_site::default_options();
        // What `agent: ping` takes beside the rights that a hand-over does.
        for (sim::role_options& r : o.roles)
            if (r.name == "StewardGuests") r.privileges.insert("VM.Monitor");
        for (sim::guest_options& g : o.guests)
            if (g.guest == vm103)
                g.config = vm_lines +
                           "memory: 512\nname: vm103\nnet0: virtio=BC:24:11:00:00:67,bridge=vmbr0\n"
                           "scsi0: local-lvm:vm-103-disk-0,size=8G\n";
        return o;
    }
};

/// Remembers where it was sent, and says what it is told to.
class sent_prober final : public net::prober {
  public:
    sent_prober(std::string host, std::vector<std::string>& log, const verdict& says)
        : host_(std::move(host)), log_(log), says_(says) {}
    boost::asio::awaitable<probe_result> run() override {
        log_.push_back(host_);
        co_return probe_result(says_, "so told");
    }

  private:
    std::string host_;
    std::vector<std::string>& log_;
    const verdict& says_;
};

}  // namespace

TEST_CASE("what PVE says of a guest: stopped is proof, what it does not know is none") {
    struct row {
        const char* name;
        void (*change)(health::circumstances&);
        verdict answer;
        const char* reason;
    };
    const row rows[] = {
        {"running", [](health::circumstances&) {}, verdict::healthy, "running"},
        {"stopped", [](health::circumstances& c) { c.is_running = false; }, verdict::unhealthy, "stopped"},
        {"not said", [](health::circumstances& c) { c.is_running.reset(); }, verdict::unknown,
         "PVE does not know whether it runs"},
        {"stopped, and locked",
         [](health::circumstances& c) {
             c.is_running = false;
             c.lock = "backup";
         },
         verdict::unknown, "PVE holds the lock \"backup\" on it"},
        {"on a node that is away",
         [](health::circumstances& c) {
             c.is_running = false;
             c.is_node_online = false;
         },
         verdict::unknown, "its node is not online"},
        {"not in the list", [](health::circumstances& c) { c = {}; }, verdict::unknown,
         "PVE has said nothing of it for a minute"},
    };
    for (const row& r : rows) {
        for (const guest_id guest : {ct102, vm103}) {
            DYNAMIC_SECTION(r.name << " " << to_string(guest)) {
                seen_through_pve t;
                r.change(t.seen);
                const auto prober = make_state_prober(t.from, guest, 3s);
                const probe_result got = t.ask(*prober);
                CHECK(got.answer == r.answer);
                CHECK(got.reason == r.reason);
            }
        }
    }
}

TEST_CASE("a VM that the list calls running is asked how it is") {
    seen_through_pve t;
    const auto prober = make_state_prober(t.from, vm103, 3s);
    SECTION("paused by somebody") {
        t.site.fault("guest vm103 suspend");
        const probe_result got = t.ask(*prober);
        CHECK(got.answer == verdict::unknown);
        CHECK(got.reason == "paused");
    }
    SECTION("stopped meanwhile") {
        t.site.fault("guest vm103 stop");
        CHECK(t.ask(*prober).answer == verdict::unhealthy);
    }
    SECTION("the API is in trouble") {
        t.site.fault("api any 500");
        const probe_result got = t.ask(*prober);
        CHECK(got.answer == verdict::unknown);
        CHECK(got.reason.find("its state cannot be read: ") == 0);
    }
    SECTION("the API hangs: no longer than the check may take") {
        t.site.fault("api any hang");
        CHECK(t.ask(*prober).answer == verdict::unknown);
    }
}

TEST_CASE("an agent that should answer and does not is unhealthy, everything else is unknown") {
    struct row {
        const char* name;
        const char* config;
        const char* fault;
        verdict answer;
        const char* reason;
    };
    const row rows[] = {
        {"answers", "agent: 1\n", "", verdict::healthy, "the agent answers"},
        {"does not answer", "agent: 1\n", "guest vm103 agent off", verdict::unhealthy, "the agent does not answer"},
        {"spelled out", "agent: enabled=1,fstrim_cloned_disks=1\n", "guest vm103 agent off", verdict::unhealthy,
         "the agent does not answer"},
        {"switched off in the configuration", "agent: 0\n", "", verdict::unknown,
         "its configuration does not say that it has an agent"},
        {"none configured", "", "", verdict::unknown, "its agent cannot be asked: "},
        {"the API is in trouble", "agent: 1\n", "api any 500", verdict::unknown, "its agent cannot be asked: "},
        {"the API hangs", "agent: 1\n", "api any hang", verdict::unknown, "its agent cannot be asked: "},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            seen_through_pve t(r.config);
            if (*r.fault != 0) t.site.fault(r.fault);
            const auto prober = make_agent_prober(t.from, vm103, 3s);
            const probe_result got = t.ask(*prober);
            INFO(got.reason);
            CHECK(got.answer == r.answer);
            CHECK(got.reason.substr(0, std::string(r.reason).size()) == r.reason);
            CHECK(t.site.writes() == 0);
        }
    }
}

TEST_CASE("a check at the guest itself goes where its configuration says, and follows it") {
    seen_through_pve t("agent: 1\nipconfig0: ip=192.0.2.33/24,gw=192.0.2.1\n");
    std::vector<std::string> hosts;
    verdict says = verdict::healthy;
    config::check spec;
    spec.host = "guest";
    spec.port = 22;
    auto make = [&](const config::check& c) { return std::make_unique<sent_prober>(c.host, hosts, says); };
    const auto prober = make_addressed_prober(t.from, vm103, spec, make);
    const probe_result got = t.ask(*prober);
    CHECK(got.answer == verdict::healthy);
    CHECK(got.reason == "so told (192.0.2.33)");
    CHECK(hosts == std::vector<std::string>{"192.0.2.33"});

    SECTION("while all is well the API is left alone") {
        t.site.fault("api any 500");
        for (int i = 0; i < 5; ++i) CHECK(t.ask(*prober).answer == verdict::healthy);
    }
    SECTION("when it fails, and its address cannot be read again, that says nothing") {
        says = verdict::unhealthy;
        CHECK(t.ask(*prober).answer == verdict::unhealthy);
        t.site.fault("api any 500");
        const probe_result blind = t.ask(*prober);
        CHECK(blind.answer == verdict::unknown);
        CHECK(blind.reason.find("its address cannot be read again") != std::string::npos);
    }
    SECTION("when it fails and its address stands, it fails") {
        says = verdict::unhealthy;
        CHECK(t.ask(*prober).answer == verdict::unhealthy);
        CHECK(t.ask(*prober).answer == verdict::unhealthy);
    }
    SECTION("when PVE does not show it any more") {
        t.from.home_of = [](guest_id) { return node_name(); };
        says = verdict::unhealthy;
        CHECK(t.ask(*prober).answer == verdict::unknown);
    }
}

TEST_CASE("without an address in its configuration the guest's interfaces are asked; loopback is none") {
    std::vector<std::string> hosts;
    const verdict says = verdict::healthy;
    config::check spec;
    spec.host = "guest";
    auto make = [&](const config::check& c) { return std::make_unique<sent_prober>(c.host, hosts, says); };
    SECTION("of a VM whose addresses mean somebody else") {
        seen_through_pve t;
        const auto prober = make_addressed_prober(t.from, vm103, spec, make);
        const probe_result got = t.ask(*prober);
        CHECK(got.answer == verdict::unknown);
        CHECK(got.reason ==
              "no address of it is known: neither its configuration nor its interfaces have one that others can reach");
        CHECK(hosts.empty());
    }
    SECTION("of a VM whose agent does not answer: nothing is known") {
        seen_through_pve t;
        t.site.fault("guest vm103 agent off");
        const auto prober = make_addressed_prober(t.from, vm103, spec, make);
        const probe_result got = t.ask(*prober);
        CHECK(got.answer == verdict::unknown);
        CHECK(got.reason.find("no address of it is known: its configuration gives it none, and it cannot be asked") ==
              0);
        CHECK(hosts.empty());
    }
}

TEST_CASE("a guest that PVE calls stopped is started again, seen by no other check") {
    config::settings s = simulated_site::default_settings();
    for (config::guest& g : s.guests) {
        g.checks.front().kind = config::check_kind::pve;
        g.checks.front().name = "pve running";
    }
    simulated_site site(simulated_site::default_options(), s);
    site.time.run_for(60s);
    REQUIRE(site.at(ct102) == failover::phase::watching);
    site.fault("guest ct102 stop");
    CHECK(site.reaches(ct102, failover::phase::restarting, 60s));
    CHECK(site.reaches(ct102, failover::phase::watching, 120s));
    CHECK(site.runs_on(ct102) == "n2");
}
