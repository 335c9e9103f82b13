#include "runtime/labelled_executor.hpp"

#include "base/log_subject.hpp"

#include <boost/asio/execution.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace steward {
namespace asio = boost::asio;
namespace {

/// Hands every question to the executor that it wraps, and wraps what comes of it again.
class labelled_executor {
  public:
    labelled_executor(asio::any_io_executor inner, std::shared_ptr<const std::string> name) noexcept
        : inner_(std::move(inner)), name_(std::move(name)) {}

    template <class Property>
    auto require(const Property& p) const
        -> std::enable_if_t<asio::can_require_v<const asio::any_io_executor&, Property>, labelled_executor> {
        return labelled_executor(asio::require(inner_, p), name_);
    }
    template <class Property>
    auto prefer(const Property& p) const
        -> std::enable_if_t<asio::can_prefer_v<const asio::any_io_executor&, Property>, labelled_executor> {
        return labelled_executor(asio::prefer(inner_, p), name_);
    }
    template <class Property>
    auto query(const Property& p) const
        -> std::enable_if_t<asio::can_query_v<const asio::any_io_executor&, Property>,
                            decltype(asio::query(std::declval<const asio::any_io_executor&>(), p))> {
        return asio::query(inner_, p);
    }

    template <class Work>
    void execute(Work&& work) const {
        inner_.execute([name = name_, w = std::decay_t<Work>(std::forward<Work>(work))]() mutable {
            const log::subject about(*name);
            std::move(w)();
        });
    }

    friend bool operator==(const labelled_executor& a, const labelled_executor& b) noexcept {
        return a.inner_ == b.inner_ && a.name_ == b.name_;
    }
    friend bool operator!=(const labelled_executor& a, const labelled_executor& b) noexcept { return !(a == b); }

  private:
    asio::any_io_executor inner_;
    std::shared_ptr<const std::string> name_;
};

}  // namespace

asio::any_io_executor labelled(asio::any_io_executor inner, std::string name) {
    return labelled_executor(std::move(inner), std::make_shared<const std::string>(std::move(name)));
}

}  // namespace steward
