/*
 * The repositories of the go command's own test of these rules (coderepo_test.go and its
 * testdata/vcstest), as tables.
 */
#ifndef MODGATE_TESTS_UNIT_VCS_FAKE_REPOS_H
#define MODGATE_TESTS_UNIT_VCS_FAKE_REPOS_H

#include "fake_codehost.h"

#define NO_FILE                                                                                    \
    {                                                                                              \
        .path = NULL                                                                               \
    }
#define NO_COMMIT                                                                                  \
    {                                                                                              \
        .hash = NULL                                                                               \
    }
#define NO_REF                                                                                     \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* github.com/rsc/vgotest1: v1 with a nested module, v2 in several ways, a bad default branch. */
#define MYTAG "80d85c5d4d17598a0e9055e7c175a32b415d6128"
static const struct fake_file vgo_plain[] = {
    {"LICENSE", "free\n"}, {"README.md", "r\n"}, {"pkg/p.go", "package p\n"}, NO_FILE};
static const struct fake_file vgo_mod[] = {
    {"LICENSE", "free\n"},
    {"README.md", "r\n"},
    {"go.mod", "module \"github.com/rsc/vgotest1\" // root go.mod\n"},
    {"pkg/p.go", "package p\n"},
    NO_FILE};
static const struct fake_file vgo_sub[] = {
    {"LICENSE", "free\n"},
    {"README.md", "r\n"},
    {"go.mod", "module \"github.com/rsc/vgotest1\" // root go.mod\n"},
    {"pkg/p.go", "package p\n"},
    {"submod/go.mod", "module \"github.com/vgotest1/submod\" // submod/go.mod\n"},
    {"submod/pkg/p.go", "package pkg\n"},
    NO_FILE};
static const struct fake_file vgo_v2_root[] = {
    {"LICENSE", "free\n"},
    {"go.mod", "module \"github.com/rsc/vgotest1/v2\" // root go.mod\n"},
    {"pkg/p.go", "package p\n"},
    NO_FILE};
static const struct fake_file vgo_v2_bad[] = {
    {"go.mod", "module \"github.com/rsc/vgotest1/v2\" // root go.mod\n"},
    {"v2/go.mod", "module \"github.com/rsc/vgotest\" // v2/go.mod\n"},
    NO_FILE};
static const struct fake_file vgo_v2_both[] = {
    {"go.mod", "module \"github.com/rsc/vgotest1/v2\" // root go.mod\n"},
    {"v2/go.mod", "module \"github.com/rsc/vgotest1/v2\" // v2/go.mod\n"},
    NO_FILE};
static const struct fake_file vgo_v2_below[] = {
    {"LICENSE", "free\n"},
    {"go.mod", "module \"github.com/rsc/vgotest1\" // root go.mod\n"},
    {"v2/go.mod", "module \"github.com/rsc/vgotest1/v2\" // v2/go.mod\n"},
    {"v2/p.go", "package v2\n"},
    NO_FILE};
static const struct fake_commit vgo_commits[] = {
    {MYTAG, 1519081806, NULL, vgo_plain},
    {"5a115c66393dd8c4a5cc3215653850d7f5640d0e", 1519081828, MYTAG, vgo_mod},
    {"8afe2b2efed96e0880ecd2a69b98a53b8c2738b6", 1519081927,
     "5a115c66393dd8c4a5cc3215653850d7f5640d0e", vgo_sub},
    {"45f53230a74ad275c7127e117ac46914c8126160", 1531963287, NULL, vgo_plain},
    {"ea65f87c8f52c15ea68f3bdd9925ef17e20d91e9", 1519082063, MYTAG, vgo_v2_root},
    {"f18795870fb14388a21ef3ebc1d75911c8694f31", 1519082164,
     "ea65f87c8f52c15ea68f3bdd9925ef17e20d91e9", vgo_v2_bad},
    {"1f863feb76bc7029b78b21c5375644838962f88d", 1519085018,
     "f18795870fb14388a21ef3ebc1d75911c8694f31", vgo_v2_both},
    {"2f615117ce481c8efef46e0cc0b4b4dccfac8fea", 1519085039,
     "1f863feb76bc7029b78b21c5375644838962f88d", vgo_v2_below},
    {"a08abb797a6764035a9314ed5f1d757e0224f3bf", 1519079557, NULL, vgo_v2_both},
    NO_COMMIT};
static const struct fake_ref vgo_refs[] = {
    {"HEAD", "a08abb797a6764035a9314ed5f1d757e0224f3bf"},
    {"refs/heads/master", "a08abb797a6764035a9314ed5f1d757e0224f3bf"},
    {"refs/tags/mytag", MYTAG},
    {"refs/tags/submod/v1.0.4", "8afe2b2efed96e0880ecd2a69b98a53b8c2738b6"},
    {"refs/tags/v0.0.0", MYTAG},
    {"refs/tags/v0.0.1", "5a115c66393dd8c4a5cc3215653850d7f5640d0e"},
    {"refs/tags/v1.0.0", MYTAG},
    {"refs/tags/v1.0.1", "5a115c66393dd8c4a5cc3215653850d7f5640d0e"},
    {"refs/tags/v1.0.3", "8afe2b2efed96e0880ecd2a69b98a53b8c2738b6"},
    {"refs/tags/v2.0.0", "45f53230a74ad275c7127e117ac46914c8126160"},
    {"refs/tags/v2.0.1", "ea65f87c8f52c15ea68f3bdd9925ef17e20d91e9"},
    {"refs/tags/v2.0.3", "f18795870fb14388a21ef3ebc1d75911c8694f31"},
    {"refs/tags/v2.0.4", "1f863feb76bc7029b78b21c5375644838962f88d"},
    {"refs/tags/v2.0.5", "2f615117ce481c8efef46e0cc0b4b4dccfac8fea"},
    NO_REF};
static const struct fake_codehost vgotest1 = {.commits = vgo_commits, .refs = vgo_refs};

/* git/semver-branch.git: branches that are named like versions. */
static const struct fake_file branch_files[] = {
    {"go.mod", "module vcs-test.golang.org/git/semver-branch.git\n\ngo 1.16\n"}, NO_FILE};
static const struct fake_commit branch_commits[] = {
    {"33ea7ee36f3e3f44f528664b3712c9fa0cef7502", 1643829321, NULL, branch_files},
    {"09c4d8f6938c7b5eeae46858a72712b8700fa46a", 1643829584,
     "33ea7ee36f3e3f44f528664b3712c9fa0cef7502", branch_files},
    {"d59622f6e4d77f008819083582fde71ea1921b0c", 1643903593,
     "09c4d8f6938c7b5eeae46858a72712b8700fa46a", branch_files},
    NO_COMMIT};
static const struct fake_ref branch_refs[] = {
    {"HEAD", "33ea7ee36f3e3f44f528664b3712c9fa0cef7502"},
    {"refs/heads/main", "33ea7ee36f3e3f44f528664b3712c9fa0cef7502"},
    {"refs/heads/v1.0.0", "09c4d8f6938c7b5eeae46858a72712b8700fa46a"},
    {"refs/heads/v2.0.0", "33ea7ee36f3e3f44f528664b3712c9fa0cef7502"},
    {"refs/heads/v3.0.0-devel", "d59622f6e4d77f008819083582fde71ea1921b0c"},
    {"refs/tags/v0.1.0", "33ea7ee36f3e3f44f528664b3712c9fa0cef7502"},
    {"refs/tags/v4.0.0-beta.1", "d59622f6e4d77f008819083582fde71ea1921b0c"},
    NO_REF};
static const struct fake_codehost semver_branch = {.commits = branch_commits, .refs = branch_refs};

/* git/odd-tags.git: build metadata in tags, and a tag like a pseudo-version. */
static const struct fake_file odd_readme[] = {{"README.txt", "no go.mod\n"}, NO_FILE};
static const struct fake_file odd_mod[] = {
    {"go.mod", "module vcs-test.golang.org/git/odd-tags.git\n\ngo 1.18\n"}, NO_FILE};
static const struct fake_file odd_v3[] = {
    {"go.mod", "module vcs-test.golang.org/git/odd-tags.git/v3\n\ngo 1.18\n"}, NO_FILE};
static const struct fake_commit odd_commits[] = {
    {"12d19af204585b0db3d2a876ceddf5b9323f5a4a", 1645642082, NULL, odd_readme},
    {"9d863d525bbfcc8eda09364738c4032393711a56", 1645642115,
     "12d19af204585b0db3d2a876ceddf5b9323f5a4a", odd_mod},
    {"cce3d0f5d2ec85678cca3c45ac4a87f3be5efaca", 1645645315,
     "9d863d525bbfcc8eda09364738c4032393711a56", odd_v3},
    NO_COMMIT};
static const struct fake_ref odd_refs[] = {
    {"HEAD", "9d863d525bbfcc8eda09364738c4032393711a56"},
    {"refs/heads/main", "9d863d525bbfcc8eda09364738c4032393711a56"},
    {"refs/tags/v0.1.0+build-metadata", "9d863d525bbfcc8eda09364738c4032393711a56"},
    {"refs/tags/v2.0.0+incompatible", "12d19af204585b0db3d2a876ceddf5b9323f5a4a"},
    {"refs/tags/v3.0.0-20220223184802-12d19af20458", "cce3d0f5d2ec85678cca3c45ac4a87f3be5efaca"},
    NO_REF};
static const struct fake_codehost odd_tags = {.commits = odd_commits, .refs = odd_refs};

/* git/v2sub.git: no go.mod at the root, one in v2. */
static const struct fake_file v2sub_files[] = {
    {"v2/go.mod", "module vcs-test.golang.org/git/v2sub.git/v2\n\ngo 1.16\n"},
    {"v2/v2sub.go", "package v2sub\n"},
    {"v2sub.go", "package v2sub\n"},
    NO_FILE};
static const struct fake_commit v2sub_commits[] = {
    {"5fcd3eaeeb391d399f562fd45a50dac9fc34ae8b", 1645563213, NULL, v2sub_files},
    {"80beb17a16036f17a5aedd1bb5bd6d407b3c6dc5", 1645563307,
     "5fcd3eaeeb391d399f562fd45a50dac9fc34ae8b", v2sub_files},
    NO_COMMIT};
static const struct fake_ref v2sub_refs[] = {
    {"HEAD", "80beb17a16036f17a5aedd1bb5bd6d407b3c6dc5"},
    {"refs/heads/main", "80beb17a16036f17a5aedd1bb5bd6d407b3c6dc5"},
    {"refs/tags/v2.0.0", "5fcd3eaeeb391d399f562fd45a50dac9fc34ae8b"},
    NO_REF};
static const struct fake_codehost v2sub = {.commits = v2sub_commits, .refs = v2sub_refs};

/* git/gitrepo1: no go.mod at all, several majors, annotated and short tags, a branch v2.3.4. */
static const struct fake_commit one_commits[] = {
    {"ede458df7cd0fdca520df19a33158086a8a68e81", 1523994202, NULL, odd_readme},
    {"76a00fb249b7f93091bc2c89a789dab1fc1bc26f", 1523994348,
     "ede458df7cd0fdca520df19a33158086a8a68e81", odd_readme},
    {"9d02800338b8a55be062c838d1f02e0c5780b9eb", 1523995232,
     "76a00fb249b7f93091bc2c89a789dab1fc1bc26f", odd_readme},
    {"a8205f853c297ad2c3c502ba9a355b35b7dd3ca5", 1523996212,
     "ede458df7cd0fdca520df19a33158086a8a68e81", odd_readme},
    NO_COMMIT};
static const struct fake_ref one_refs[] = {
    {"HEAD", "ede458df7cd0fdca520df19a33158086a8a68e81"},
    {"refs/heads/master", "ede458df7cd0fdca520df19a33158086a8a68e81"},
    {"refs/heads/v2", "9d02800338b8a55be062c838d1f02e0c5780b9eb"},
    {"refs/heads/v2.3.4", "76a00fb249b7f93091bc2c89a789dab1fc1bc26f"},
    {"refs/heads/v3", "a8205f853c297ad2c3c502ba9a355b35b7dd3ca5"},
    {"refs/tags/v1.2.3", "ede458df7cd0fdca520df19a33158086a8a68e81"},
    {"refs/tags/v1.2.4-annotated", "ede458df7cd0fdca520df19a33158086a8a68e81"},
    {"refs/tags/v2.0.1", "76a00fb249b7f93091bc2c89a789dab1fc1bc26f"},
    {"refs/tags/v2.0.2", "9d02800338b8a55be062c838d1f02e0c5780b9eb"},
    {"refs/tags/v2.3", "76a00fb249b7f93091bc2c89a789dab1fc1bc26f"},
    NO_REF};
static const struct fake_codehost gitrepo1 = {.commits = one_commits, .refs = one_refs};

#endif
