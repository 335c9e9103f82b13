#include "net/https_server.hpp"
#include "net/tls.hpp"

#include <boost/asio/ip/address.hpp>

#include <array>
#include <fmt/core.h>
#include <memory>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace steward::net {
namespace {

template <auto Free>
struct freer {
    template <class T>
    void operator()(T* p) const {
        Free(p);
    }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freer<EVP_PKEY_free>>;
using x509_ptr = std::unique_ptr<X509, freer<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, freer<BIO_free_all>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freer<X509_EXTENSION_free>>;

std::string drain(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

bool extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

std::string alternative_names_text(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& n : names) {
        boost::system::error_code ec;
        boost::asio::ip::make_address(n, ec);
        out += (out.empty() ? "" : ",") + std::string(ec ? "DNS:" : "IP:") + n;
    }
    return out;
}

/// Random serial numbers: clients that have seen an earlier simulated CA must not confuse two certificates.
bool give_serial(X509* certificate, std::uint64_t wanted) {
    if (wanted != 0) return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), wanted) == 1;
    const std::unique_ptr<BIGNUM, freer<BN_free>> serial(BN_new());
    return serial && BN_rand(serial.get(), 120, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
           BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

}  // namespace

std::string fingerprint_of(X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
    std::string out;
    for (unsigned int i = 0; i < size; ++i) out += fmt::format("{}{:02X}", i == 0 ? "" : ":", digest[i]);
    return out;
}

namespace {

bool add_name(X509* certificate, const char* part, const std::string& text) {
    return text.empty() ||
           X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), part, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0) == 1;
}

/// PVE writes a CA's name in another order than a node's (recorded: _tls_cert_pve1).
bool name_owner(X509* certificate, const certificate_order& order, bool is_root) {
    if (is_root)
        return add_name(certificate, "CN", order.common_name) && add_name(certificate, "OU", order.unit) &&
               add_name(certificate, "O", order.organization);
    return add_name(certificate, "OU", order.unit) && add_name(certificate, "O", order.organization) &&
           add_name(certificate, "CN", order.common_name);
}

bool extend_root(X509* made) {
    // A root may serve as well: that is what a pinned, self-signed certificate is.
    return extend(made, made, NID_subject_key_identifier, "hash") &&
           extend(made, made, NID_basic_constraints, "critical,CA:TRUE") &&
           extend(made, made, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature");
}

bool extend_leaf(X509* made, X509* issuer, bool is_like_pve) {
    // Python 3.13 and other strict verifiers want both key identifiers (RFC 5280 4.2.1.1).
    const bool is_identified = extend(made, issuer, NID_subject_key_identifier, "hash") &&
                               extend(made, issuer, NID_authority_key_identifier, "keyid:always") &&
                               extend(made, issuer, NID_ext_key_usage, "serverAuth");
    if (is_like_pve) return is_identified && extend(made, issuer, NID_basic_constraints, "CA:FALSE");
    return is_identified && extend(made, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           extend(made, issuer, NID_key_usage, "critical,digitalSignature,keyAgreement");
}

}  // namespace

std::string make_uuid() {
    const std::unique_ptr<BIGNUM, freer<BN_free>> number(BN_new());
    std::array<unsigned char, 16> bytes{};
    if (!number || BN_rand(number.get(), 128, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) != 1 ||
        BN_bn2binpad(number.get(), bytes.data(), static_cast<int>(bytes.size())) < 0)
        return {};
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | 0x40U);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U);
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        out += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
    return out;
}

result<certificate> make_certificate(std::string common_name, std::vector<std::string> alternative_names,
                                     const certificate& ca) {
    certificate_order order;
    order.common_name = std::move(common_name);
    order.alternative_names = std::move(alternative_names);
    return make_certificate(order, ca);
}

result<certificate> make_certificate(const certificate_order& order, const certificate& ca) {
    const std::string& common_name = order.common_name;
    const fault failed(errc::io, "make certificate for " + common_name, "OpenSSL refused");
    const key_ptr key(order.is_like_pve ? EVP_RSA_gen(2048U) : EVP_EC_gen("P-256"));
    const x509_ptr made(X509_new());
    if (!key || !made || X509_set_version(made.get(), 2) != 1 || !give_serial(made.get(), order.serial)) return failed;
    X509_gmtime_adj(X509_getm_notBefore(made.get()),
                    std::chrono::duration_cast<std::chrono::seconds>(order.begins).count());
    X509_gmtime_adj(X509_getm_notAfter(made.get()),
                    std::chrono::duration_cast<std::chrono::seconds>(order.ends).count());
    X509_set_pubkey(made.get(), key.get());

    const bool is_root = ca.private_key_pem.empty();
    x509_ptr issuer;
    key_ptr issuer_key;
    if (!is_root) {
        const bio_ptr certificate_in(
            BIO_new_mem_buf(ca.certificate_pem.data(), static_cast<int>(ca.certificate_pem.size())));
        const bio_ptr key_in(BIO_new_mem_buf(ca.private_key_pem.data(), static_cast<int>(ca.private_key_pem.size())));
        issuer.reset(PEM_read_bio_X509(certificate_in.get(), nullptr, nullptr, nullptr));
        issuer_key.reset(PEM_read_bio_PrivateKey(key_in.get(), nullptr, nullptr, nullptr));
        if (!issuer || !issuer_key)
            return fault(errc::invalid, "make certificate for " + common_name, "the CA cannot be read");
    }
    X509* const signer = is_root ? made.get() : issuer.get();
    X509_set_issuer_name(made.get(), X509_get_subject_name(signer));
    bool good = name_owner(made.get(), order, is_root);
    // The issuer of a root is the name that it only has now.
    if (is_root) X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
    good = good && (is_root ? extend_root(made.get()) : extend_leaf(made.get(), signer, order.is_like_pve));
    if (!order.alternative_names.empty())
        good =
            good && extend(made.get(), signer, NID_subject_alt_name, alternative_names_text(order.alternative_names));
    if (!good || X509_sign(made.get(), is_root ? key.get() : issuer_key.get(), EVP_sha256()) == 0) return failed;

    certificate out;
    const bio_ptr certificate_out(BIO_new(BIO_s_mem()));
    const bio_ptr key_out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(certificate_out.get(), made.get());
    PEM_write_bio_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    out.certificate_pem = drain(certificate_out.get());
    out.private_key_pem = drain(key_out.get());
    out.fingerprint_sha256 = fingerprint_of(made.get());
    return out;
}

}  // namespace steward::net
