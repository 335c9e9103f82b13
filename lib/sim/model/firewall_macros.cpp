#include "sim/model/firewall_macros.hpp"

#include "sim/model/firewall_text.hpp"

#include <algorithm>
#include <map>

namespace steward::sim {

namespace {

class line {
  public:
    const char* name;
    const char* services;  ///< "protocol/destination/source", separated by blanks
    const char* description;
};

constexpr line lines[] = {
    {"Amanda", "udp/10080 tcp/10080", "Amanda backups"},
    {"Auth", "tcp/113", "Identification (ident)"},
    {"BGP", "tcp/179", "Border Gateway Protocol"},
    {"BitTorrent", "tcp/6881:6889 udp/6881", "BitTorrent before 3.2"},
    {"BitTorrent32", "tcp/6881:6999 udp/6881", "BitTorrent 3.2 and newer"},
    {"CVS", "tcp/2401", "CVS password server"},
    {"Ceph", "tcp/6789 tcp/3300 tcp/6800:7300", "Ceph monitors, OSDs and MDS"},
    {"Citrix", "tcp/1494 udp/1604 tcp/2598", "Citrix ICA, ICA browser and CGP"},
    {"DAAP", "tcp/3689 udp/3689", "Digital Audio Access Protocol"},
    {"DCC", "tcp/6277", "Distributed Checksum Clearinghouse"},
    {"DHCPfwd", "udp/67:68/67:68", "DHCP through a relay"},
    {"DHCPv6", "udp/546:547/546:547", "DHCP for IPv6"},
    {"DNS", "udp/53 tcp/53", "Domain Name System"},
    {"Distcc", "tcp/3632", "Distributed compiling"},
    {"FTP", "tcp/21", "FTP control connections"},
    {"Finger", "tcp/79", "Finger"},
    {"GNUnet", "tcp/2086 udp/2086 tcp/1080 udp/1080", "GNUnet peers"},
    {"GRE", "47", "Generic Routing Encapsulation"},
    {"Git", "tcp/9418", "Git's own protocol"},
    {"HKP", "tcp/11371", "OpenPGP key servers"},
    {"HTTP", "tcp/80", "HTTP"},
    {"HTTPS", "tcp/443", "HTTP over TLS"},
    {"ICPV2", "udp/3130", "Internet Cache Protocol 2"},
    {"ICQ", "tcp/5190", "ICQ and AIM"},
    {"IMAP", "tcp/143", "IMAP"},
    {"IMAPS", "tcp/993", "IMAP over TLS"},
    {"IPIP", "94", "IP in IP"},
    {"IPsec", "udp/500/500 50", "IPsec with ESP"},
    {"IPsecah", "udp/500/500 51", "IPsec with AH"},
    {"IPsecnat", "udp/500 udp/4500 50", "IPsec through NAT"},
    {"IRC", "tcp/6667", "Internet Relay Chat"},
    {"Jetdirect", "tcp/9100", "Raw printing"},
    {"L2TP", "udp/1701", "Layer 2 tunnels"},
    {"LDAP", "tcp/389", "LDAP"},
    {"LDAPS", "tcp/636", "LDAP over TLS"},
    {"MDNS", "udp/5353", "Multicast DNS"},
    {"MSNP", "tcp/1863", "Microsoft Messenger"},
    {"MSSQL", "tcp/1433", "Microsoft SQL Server"},
    {"Mail", "tcp/25 tcp/465 tcp/587", "Mail delivery and submission"},
    {"Munin", "tcp/4949", "Munin nodes"},
    {"MySQL", "tcp/3306", "MySQL and MariaDB"},
    {"NNTP", "tcp/119", "Usenet"},
    {"NNTPS", "tcp/563", "Usenet over TLS"},
    {"NTP", "udp/123", "Network time"},
    {"NeighborDiscovery",
     "icmpv6/router-solicitation icmpv6/router-advertisement icmpv6/neighbor-solicitation "
     "icmpv6/neighbor-advertisement",
     "IPv6 neighbours and routers"},
    {"OSPF", "89", "OSPF"},
    {"OpenVPN", "udp/1194", "OpenVPN"},
    {"PCA", "udp/5632 tcp/5631", "pcAnywhere"},
    {"PMG", "tcp/8006", "Web interface of Proxmox Mail Gateway"},
    {"POP3", "tcp/110", "POP3"},
    {"POP3S", "tcp/995", "POP3 over TLS"},
    {"PPtP", "47 tcp/1723", "Point-to-point tunnels"},
    {"Ping", "icmp/echo-request", "ICMP echo"},
    {"PostgreSQL", "tcp/5432", "PostgreSQL"},
    {"Printer", "tcp/515", "Line printer daemon"},
    {"RDP", "tcp/3389", "Remote Desktop"},
    {"RIP", "udp/520", "Routing Information Protocol"},
    {"RNDC", "tcp/953", "Control of BIND"},
    {"Razor", "tcp/2703", "Razor against spam"},
    {"Rdate", "tcp/37", "Time for rdate"},
    {"Rsync", "tcp/873", "rsync daemon"},
    {"SANE", "tcp/6566", "Scanners over the network"},
    {"SMB", "udp/135,445 udp/137:139 udp/1024:65535/137 tcp/135,139,445", "Windows file sharing"},
    {"SMBswat", "tcp/901", "Samba's web administration"},
    {"SMTP", "tcp/25", "Mail delivery"},
    {"SMTPS", "tcp/465", "Mail over TLS"},
    {"SNMP", "udp/161:162 tcp/161", "Network management"},
    {"SPAMD", "tcp/783", "SpamAssassin daemon"},
    {"SPICEproxy", "tcp/3128", "SPICE proxy of Proxmox VE"},
    {"SSH", "tcp/22", "Secure shell"},
    {"SVN", "tcp/3690", "Subversion server"},
    {"SixXS", "tcp/3874 udp/3740 41 udp/5072,8374", "SixXS IPv6 tunnels"},
    {"Squid", "tcp/3128", "Squid web proxy"},
    {"Submission", "tcp/587", "Mail submission"},
    {"Syslog", "udp/514 tcp/514", "Syslog"},
    {"TFTP", "udp/69", "Trivial file transfer"},
    {"Telnet", "tcp/23", "Telnet"},
    {"Telnets", "tcp/992", "Telnet over TLS"},
    {"Time", "tcp/37", "Time (RFC 868)"},
    {"Trcrt", "udp/33434:33524 icmp/echo-request", "Traceroute up to 30 hops"},
    {"VNC", "tcp/5900:5999", "VNC displays 0 to 99"},
    {"VNCL", "tcp/5500", "VNC viewers that listen"},
    {"Web", "tcp/80 tcp/443", "HTTP and HTTPS"},
    {"Webcache", "tcp/8080", "Web caches on port 8080"},
    {"Webmin", "tcp/10000", "Webmin"},
    {"Whois", "tcp/43", "Whois"},
};

std::vector<firewall_service> services_of(std::string_view text) {
    std::vector<firewall_service> all;
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
        firewall_service s;
        const std::size_t first = one.find('/');
        s.protocol = one.substr(0, first);
        if (first != std::string_view::npos) {
            const std::size_t second = one.find('/', first + 1);
            s.destination_port = one.substr(first + 1, second == std::string_view::npos ? second : second - first - 1);
            if (second != std::string_view::npos) s.source_port = one.substr(second + 1);
        }
        all.push_back(std::move(s));
    }
    return all;
}

}  // namespace

const std::vector<firewall_macro>& firewall_macros() {
    static const std::vector<firewall_macro> all = [] {
        std::vector<firewall_macro> macros;
        for (const line& l : lines) {
            firewall_macro m{l.name, l.description, services_of(l.services), services_of(l.services), false};
            m.is_ipv6_only = m.name == "DHCPv6" || m.name == "NeighborDiscovery";
            for (firewall_service& s : m.services6)
                if (s.protocol == "icmp") s.protocol = "icmpv6";
            macros.push_back(std::move(m));
        }
        return macros;
    }();
    return all;
}

const firewall_macro* find_firewall_macro(std::string_view name) {
    static const std::map<std::string, const firewall_macro*> by_name = [] {
        std::map<std::string, const firewall_macro*> all;
        for (const firewall_macro& m : firewall_macros()) all.emplace(lower(m.name), &m);
        return all;
    }();
    const auto found = by_name.find(lower(name));
    return found == by_name.end() ? nullptr : found->second;
}

}  // namespace steward::sim
