/* Keys that cosign 2.4.3 has made, and what it has signed with them. They are for these tests
 * alone. */
#ifndef MODGATE_TESTS_SIGN_KEYS_H
#define MODGATE_TESTS_SIGN_KEYS_H

#define COSIGN_PASSWORD "correct horse"
#define COSIGN_KEY                                                                                 \
    "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"                                             \
    "eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6\n"                           \
    "OCwicCI6MX0sInNhbHQiOiJzMUxBd21ZR0o4dCtsdHNHOVdDdVR0SG5PbGVPWnhB\n"                           \
    "TWFzR2M4VzFocGUwPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94\n"                           \
    "Iiwibm9uY2UiOiJuQ2FnSnE3ZkkrUU9BRlM4eDRPOHVpYmVsK240bjRnRCJ9LCJj\n"                           \
    "aXBoZXJ0ZXh0IjoidDBraHhDWStzcGFHbVB1RFNHVWJlcEZiNXNCblJJQkIyZ2gz\n"                           \
    "TmNlTHp2YW90aUNxNkxFbzJHS2h1R2pCdStFSElER1UwcmlRbWFXd09JTXRvc3Y1\n"                           \
    "VndDd2EwY3BxOVlsdWgrQ1FzQVI4bm8zNWN6eVhJRVM3d2Y2RkFWMTI2K2l2enkw\n"                           \
    "QkpnTGZiUTZyb3lKdzg5T1hTSUtLaVY2U3B4MGFzTHI3YTlqZTZDdHBSVVRYakFy\n"                           \
    "SHFQdG5DTERHS2kwb1VoK1lkY282bmZxUnc9PSJ9\n"                                                   \
    "-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"
#define COSIGN_PUB                                                                                 \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwK0xsvLHp0Lmh29vdSIcZVODrcmq\n"                           \
    "o4Dws9O8hocL5TSxOed7UsMRh3wxvWPfsVyldbiIUvmhzGBy0JGEgy1s7A==\n"                               \
    "-----END PUBLIC KEY-----\n"
/* Sealed with the empty password. */
#define EMPTY_KEY                                                                                  \
    "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"                                             \
    "eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6\n"                           \
    "OCwicCI6MX0sInNhbHQiOiJUUmR0dGVRd0wxb1RDbzZDaTBEdDdjWkVVbGZUcjNy\n"                           \
    "T3VKNkgvZGZvV01JPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94\n"                           \
    "Iiwibm9uY2UiOiJnaWFid0lIQXk0WC95Y05NY2tWZ2VFSkxMSDVWMXZOSSJ9LCJj\n"                           \
    "aXBoZXJ0ZXh0Ijoib2ZWTlc2dUprOHIrclgrY3NVUC9TcXRvMG0yN1UzTE9JcTdI\n"                           \
    "YTh6S3RBbFZmL0g1cXZPcnYrUHBKZDVTNmk0UU90YXphbjdrNS90UGp2K3ZWQjRu\n"                           \
    "NlZBWk56bCtWbEY2VGpocmJJZ1Fucjg0VjlsTkl4UURnVjhTeVo3dW10NnJicUI4\n"                           \
    "K2g4cU15L3VUN08xQVI4R21KRnNDdzI1THZ6SU9sOVhuTmFCN0pCZnZlelVjSVBl\n"                           \
    "OW10NlhvOUY4NEtoZWhZVWFnQmhLQk9iMnc9PSJ9\n"                                                   \
    "-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"
#define EMPTY_PUB                                                                                  \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEuB0OJDjVrVdqvAeNsWyB8pcoNTgY\n"                           \
    "8aGtotSYTfb0nJglxJKrUHTvozS9oe6WPMy5vExlDcWJMxi7Bu94910TpA==\n"                               \
    "-----END PUBLIC KEY-----\n"
/* Ed25519, as openssl has made it. */
#define ED25519_KEY                                                                                \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MC4CAQAwBQYDK2VwBCIEIAcNrDtCCPST7VzJuTeDAfcsBUFc1QG8DXer+Cp7B+0C\n"                           \
    "-----END PRIVATE KEY-----\n"
#define ED25519_PUB                                                                                \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MCowBQYDK2VwAyEAGC9noikxb74JiHW/VfMrY+eQW4jBgCK9BqjFaQzbuws=\n"                               \
    "-----END PUBLIC KEY-----\n"
/* SEC1, as openssl has made it. */
#define SEC1_KEY                                                                                   \
    "-----BEGIN EC PRIVATE KEY-----\n"                                                             \
    "MHcCAQEEIAahPihNfx4KevsgKsyM4rPI7mTAdh65VXusRRgjK1BioAoGCCqGSM49\n"                           \
    "AwEHoUQDQgAEeA8eEAckI34PWY16nhD0A4sBHsEcZa52OqcJIyaHXrMwwTHP1DSH\n"                           \
    "1fdgMs5ZGUTw+/0S0Z4d8E1LVBZrXNSaCw==\n"                                                       \
    "-----END EC PRIVATE KEY-----\n"
#define SEC1_PUB                                                                                   \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeA8eEAckI34PWY16nhD0A4sBHsEc\n"                           \
    "Za52OqcJIyaHXrMwwTHP1DSH1fdgMs5ZGUTw+/0S0Z4d8E1LVBZrXNSaCw==\n"                               \
    "-----END PUBLIC KEY-----\n"
#define SIGNED_TEXT "what cosign signs\n"
#define COSIGN_SIGNATURE                                                                           \
    "MEUCIQCjRV5v7ZTm2lk2e8Ovw0ZD5M8mWIFVxDS0N+sg+TnWbwIgWE6buEo/"                                 \
    "1Rp2fHILp2iO4tAlHnAZRXooPQP9ivdMQ/E="
#define ED25519_SIGNATURE                                                                          \
    "5ZgarGaoNXtLco6JM4sTWUtnWqiNJ/lFUfR7YSw82V4Zl9HmtpZ1j68G8IrVXkwSs8WWYyy2M5yWF05YICSjBA=="

#endif
