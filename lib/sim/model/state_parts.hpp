#pragma once
#include "sim/model/cluster.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <string>

/// The parts of a saved cluster, each written and read in one place. Private to lib/sim/model; reading throws
/// std::exception when the text is not what was written.
namespace steward::sim {

class state_access {
  public:
    explicit state_access(cluster& of) : model(of) {}

    [[nodiscard]] boost::json::value nodes() const;
    void read_nodes(const boost::json::value& from);
    [[nodiscard]] boost::json::value cut_links() const;
    void read_cut_links(const boost::json::value& from);
    [[nodiscard]] boost::json::value files() const;
    void read_files(const boost::json::value& from);
    [[nodiscard]] boost::json::value running() const;
    void read_running(const boost::json::value& from);
    [[nodiscard]] boost::json::value volumes() const;
    void read_volumes(const boost::json::value& from);
    [[nodiscard]] boost::json::value archives() const;
    void read_archives(const boost::json::value& from);
    [[nodiscard]] boost::json::value stored_files() const;
    void read_stored_files(const boost::json::value& from);
    [[nodiscard]] boost::json::value tasks() const;
    void read_tasks(const boost::json::value& from);
    [[nodiscard]] boost::json::value services() const;
    void read_services(const boost::json::value& from);
    [[nodiscard]] boost::json::value faults() const;
    void read_faults(const boost::json::value& from);
    /// Everybody agrees with everybody that can be heard, and speaks.
    void settle();

  private:
    [[nodiscard]] double ago(time_point t) const;
    [[nodiscard]] time_point before_now(const boost::json::value& seconds) const;

    cluster& model;
};

/// "local-lvm@n1", "backup": a store of one node, or of all.
[[nodiscard]] std::string store_word(const storage_id& storage, const node_name& node);
void read_store_word(const std::string& word, storage_id& storage, node_name& node);

}  // namespace steward::sim
