#pragma once
#include "base/ids.hpp"
#include "base/random.hpp"
#include "pve/transport.hpp"
#include "runtime/byte_stream.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

/// Files to and from a cluster, of any size in constant memory.
namespace steward::pve {

/// POST /nodes/{node}/storage/{storage}/upload.
class upload_order {
  public:
    node_name node;
    storage_id storage;
    std::string content;             ///< "iso", "vztmpl", "import"
    std::filesystem::path file;      ///< what is sent
    std::string filename;            ///< its name on the storage; empty: that of `file`
    std::string checksum_algorithm;  ///< "sha256" …, with `checksum`; empty: PVE does not check
    std::string checksum;
    duration patience = std::chrono::seconds(60);
    std::function<void(std::uint64_t moved)> moving;  ///< bytes sent, form included; may be empty
};

/// The task that puts the file in its place. Sent once; also a 401 is not tried again, because the file would have to
/// be read anew: the next call has a new ticket. Errors: those of the file (not_found, invalid, io), of the transport,
/// and what PVE's answer means.
[[nodiscard]] boost::asio::awaitable<result<upid>> upload(transport& wire, random_source& chance, upload_order order);

/// Any call that answers with a file: a task's log (`…/tasks/{upid}/log?download=1`), `…/file-restore/download`.
class download_order {
  public:
    request what;
    std::uint64_t most = std::uint64_t{1} << 40U;  ///< bytes at most: garbage above
    duration patience = std::chrono::seconds(60);
    std::function<void(std::uint64_t moved)> moving;  ///< bytes received, unpacked; may be empty
};

/// How many bytes there were. What PVE sends packed arrives unpacked. After a fault the sink may hold a part.
[[nodiscard]] boost::asio::awaitable<result<std::uint64_t>> download(transport& wire, download_order order,
                                                                     byte_sink& into);
/// The same into a file, which is there whole or not at all.
[[nodiscard]] boost::asio::awaitable<result<std::uint64_t>> download(transport& wire, download_order order,
                                                                     std::filesystem::path into);

}  // namespace steward::pve
