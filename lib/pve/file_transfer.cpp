#include "pve/file_transfer.hpp"

#include "pve/http_meaning.hpp"
#include "runtime/file_stream.hpp"

#include <boost/json/value.hpp>

#include <algorithm>
#include <cstring>
#include <fmt/core.h>

namespace steward::pve {
namespace asio = boost::asio;

namespace {

/// multipart/form-data as PVE's own parser wants it: the fields before the file, in this order, Content-Disposition
/// first in each part (sdk.md 2.11).
class multipart final : public byte_source {
  public:
    multipart(const upload_order& order, const std::string& filename, random_source& chance, byte_source& file)
        : boundary_(fmt::format("steward-{:016x}{:016x}", chance.next(), chance.next())), file_(file) {
        add("content", order.content);
        add("checksum-algorithm", order.checksum_algorithm);
        add("checksum", order.checksum);
        before_ += fmt::format(
            "--{}\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"{}\"\r\n"
            "Content-Type: application/octet-stream\r\n\r\n",
            boundary_, filename);
        after_ = fmt::format("\r\n--{}--\r\n", boundary_);
        file_left_ = file_.size();
        size_ = before_.size() + file_left_ + after_.size();
    }

    [[nodiscard]] std::string content_type() const { return "multipart/form-data; boundary=" + boundary_; }
    [[nodiscard]] std::uint64_t size() const override { return size_; }

    asio::awaitable<result<std::size_t>> read(asio::mutable_buffer into) override {
        if (!before_.empty()) co_return take(before_, into);
        if (file_left_ == 0) co_return take(after_, into);
        const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), file_left_));
        const auto n = co_await file_.read(asio::buffer(into, wanted));
        if (!n) co_return n.error();
        if (*n == 0) co_return fault(errc::io, "upload", "the file became shorter while it was sent");
        file_left_ -= *n;
        co_return *n;
    }

  private:
    void add(const std::string& name, const std::string& value) {
        if (value.empty()) return;
        before_ +=
            fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n", boundary_, name, value);
    }
    static std::size_t take(std::string& from, asio::mutable_buffer into) {
        const std::size_t n = std::min(from.size(), into.size());
        std::memcpy(into.data(), from.data(), n);
        from.erase(0, n);
        return n;
    }

    std::string boundary_;
    byte_source& file_;
    std::string before_;
    std::string after_;
    std::uint64_t file_left_ = 0;
    std::uint64_t size_ = 0;
};

/// What would end a header line or a quoted name.
bool is_plain(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == '/';
    });
}

class counting_sink final : public byte_sink {
  public:
    explicit counting_sink(byte_sink& next) : next_(next) {}
    asio::awaitable<result<void>> write(std::string_view bytes) override {
        count += bytes.size();
        return next_.write(bytes);
    }
    std::uint64_t count = 0;

  private:
    byte_sink& next_;
};

}  // namespace

asio::awaitable<result<upid>> upload(transport& wire, random_source& chance, upload_order order) {
    const std::string filename = order.filename.empty() ? order.file.filename().string() : order.filename;
    if (filename.empty() || !is_plain(filename) || !is_plain(order.content) || !is_plain(order.checksum) ||
        !is_plain(order.checksum_algorithm))
        co_return fault(errc::invalid, "upload", fmt::format("\"{}\" cannot be the name of a file there", filename));
    if (order.checksum.empty() != order.checksum_algorithm.empty())
        co_return fault(errc::invalid, "upload", "checksum and checksum-algorithm belong together");
    auto file = file_source::open(order.file);
    if (!file) co_return file.error();
    multipart body(order, filename, chance, **file);
    request call(verb::create, fmt::format("/nodes/{}/storage/{}/upload", percent_encode(order.node.str()),
                                           percent_encode(order.storage.str())));
    const request named = call;
    streams with;
    with.body = &body;
    with.body_type = body.content_type();
    with.patience = order.patience;
    with.moving = std::move(order.moving);
    const auto answer = co_await wire.stream(std::move(call), std::move(with));
    if (!answer) co_return answer.error();
    const auto data = data_of(*answer, named);
    if (!data) co_return data.error();
    if (!data->is_string()) co_return fault(errc::garbage, "pve POST " + named.path, "no task in the answer");
    co_return parse_upid(std::string_view(data->get_string()));
}

asio::awaitable<result<std::uint64_t>> download(transport& wire, download_order order, byte_sink& into) {
    counting_sink counted(into);
    const request named = order.what;
    streams with;
    with.answer = &counted;
    with.most = order.most;
    with.patience = order.patience;
    with.moving = std::move(order.moving);
    const auto answer = co_await wire.stream(std::move(order.what), std::move(with));
    if (!answer) co_return answer.error();
    if (answer->status / 100 == 2) co_return counted.count;
    const auto refused = data_of(*answer, named);
    if (!refused) co_return refused.error();
    co_return fault(errc::garbage, "pve GET " + named.path, "neither a file nor an error");
}

asio::awaitable<result<std::uint64_t>> download(transport& wire, download_order order, std::filesystem::path into) {
    auto file = file_sink::create(into);
    if (!file) co_return file.error();
    byte_sink& sink = **file;
    const auto got = co_await download(wire, std::move(order), sink);
    if (!got) co_return got.error();
    const auto kept = co_await (*file)->commit();
    if (!kept) co_return kept.error();
    co_return *got;
}

}  // namespace steward::pve
