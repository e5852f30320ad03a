// SPDX-License-Identifier: BSL-1.0
// Certificates for tests of TLS, made by the openssl of the machine.
#pragma once

#include "support/temporary_folder.hpp"

#include <podscope/backend/etcd_https.hpp>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace backend_test {

/// Two authorities, servers' certificates of the first, and a client's of each.
class certificates {
public:
    certificates() {
        authority("right");
        authority("wrong");
        signed_by("right", "server", "IP:127.0.0.1");
        signed_by("right", "elsewhere", "DNS:elsewhere.example");
        signed_by("right", "several",
                  "IP:127.0.0.1,IP:::1,IP:fe80::1,DNS:one.example,DNS:below.one.example");
        signed_by("right", "client", "DNS:client");
        signed_by("wrong", "stranger", "DNS:client");
    }

    [[nodiscard]] static bool can_be_made() {
        return std::system("openssl version >/dev/null 2>&1") == 0;
    }

    [[nodiscard]] std::string operator/(std::string_view name) const { return folder_ / name; }

    [[nodiscard]] std::vector<std::string> of_server(std::string_view name) const {
        return {"--cert-file=" + (folder_ / (std::string{name} + ".crt")),
                "--key-file=" + (folder_ / (std::string{name} + ".key")),
                "--trusted-ca-file=" + (folder_ / "right.crt"), "--client-cert-auth"};
    }

    [[nodiscard]] podscope::etcd_tls trusting(const std::string& who,
                                              const std::string& as = {}) const {
        using podscope::etcd_tls;
        return as.empty() ? etcd_tls{.trusted_authorities = folder_ / (who + ".crt")}
                          : etcd_tls{.trusted_authorities = folder_ / (who + ".crt"),
                                     .certificate = folder_ / (as + ".crt"),
                                     .key = folder_ / (as + ".key")};
    }

private:
    static constexpr const char* new_key =
        " -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 ";

    void run(const std::string& arguments) const {
        const auto command = "cd " + folder_.path() + " && openssl " + arguments + " 2>log";
        if (std::system(command.c_str()) != 0) {
            throw std::runtime_error{"openssl failed"};
        }
    }

    void authority(const std::string& name) const {
        run("req -x509" + std::string{new_key} + "-keyout " + name + ".key -out " + name +
            ".crt -subj /CN=" + name);
    }

    void signed_by(const std::string& authority,
                   const std::string& name,
                   const std::string& known_as) const {
        run("req" + std::string{new_key} + "-keyout " + name + ".key -out " + name +
            ".csr -subj /CN=" + name + " -addext subjectAltName=" + known_as);
        run("x509 -req -copy_extensions copy -days 2 -in " + name + ".csr -CA " + authority +
            ".crt -CAkey " + authority + ".key -CAcreateserial -out " + name + ".crt");
    }

    podscope_test::temporary_folder folder_{};
};

} // namespace backend_test
