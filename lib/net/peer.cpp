#include "net/peer.hpp"

#include <algorithm>
#include <ctime>
#include <memory>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace steward::net {
namespace {

std::string in_words(const X509_NAME* name) {
    struct freer {
        void operator()(BIO* b) const { BIO_free_all(b); }
    };
    const std::unique_ptr<BIO, freer> out(BIO_new(BIO_s_mem()));
    // UTF-8 stays; control characters are escaped.
    constexpr unsigned long how = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
    if (!out || X509_NAME_print_ex(out.get(), name, 0, how) < 0) return {};
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(std::min(size, 300L))) : std::string();
}

std::optional<wall_time> moment(const ASN1_TIME* t) {
    std::tm parts{};
    if (!t || ASN1_TIME_to_tm(t, &parts) != 1) return std::nullopt;
    return wall_time(std::chrono::seconds(::timegm(&parts)));
}

void narrow(const X509* certificate, peer_facts& into) {
    const auto begins = moment(X509_get0_notBefore(certificate));
    const auto expires = moment(X509_get0_notAfter(certificate));
    if (begins && (!into.begins || *into.begins < *begins)) into.begins = begins;
    if (expires && (!into.expires || *into.expires > *expires)) into.expires = expires;
}

}  // namespace

void describe_peer(ssl_st* connection, peer_facts& into) {
    into.tls_version = SSL_get_version(connection);
    const X509* const leaf = SSL_get0_peer_certificate(connection);
    if (!leaf) return;
    into.subject = in_words(X509_get_subject_name(leaf));
    narrow(leaf, into);
    const STACK_OF(X509)* const chain = SSL_get0_verified_chain(connection);
    for (int i = 0; chain && i < sk_X509_num(chain); ++i) narrow(sk_X509_value(chain, i), into);
}

}  // namespace steward::net
