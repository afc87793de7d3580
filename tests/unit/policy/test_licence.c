#include "../test.h"

#include "base/file.h"

#include "policy/licence.h"

static struct slice ids_of(struct arena *a, struct slice content)
{
    struct licences ls = {0};
    BUF_SCOPED(b);
    licences_add(a, content, &ls);
    licences_end(&ls);
    for (size_t i = 0; i < ls.count; i++)
        buf_printf(&b, "%s%.*s", i ? " " : "", SLICE_ARG(ls.ids[i]));
    return arena_dup(a, buf_slice(&b));
}

#define MIT_GRANT                                                                                  \
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this "        \
    "software and associated documentation files (the \"Software\"), to deal in the Software "     \
    "without restriction, including without limitation the rights to use, copy, modify, merge, "   \
    "publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons "  \
    "to whom the Software is furnished to do so, subject to the following conditions:\n"           \
    "The above copyright notice and this permission notice shall be included in all copies or "    \
    "substantial portions of the Software.\n"
#define MIT_END                                                                                    \
    "THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, "       \
    "INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR "    \
    "PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE "   \
    "FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR "        \
    "OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER "      \
    "DEALINGS IN THE SOFTWARE.\n"
#define BSD_HEAD                                                                                   \
    "Redistribution and use in source and binary forms, with or without modification, are "        \
    "permitted provided that the following conditions are met:\n"                                  \
    "1. Redistributions of source code must retain the above copyright notice, this list of "      \
    "conditions and the following disclaimer.\n"                                                   \
    "2. Redistributions in binary form must reproduce the above copyright notice, this list of "   \
    "conditions and the following disclaimer in the documentation and/or other materials "         \
    "provided with the distribution.\n"
#define BSD_THIRD                                                                                  \
    "3. Neither the name of Example Incorporated nor the names of its contributors may be used "   \
    "to endorse or promote products derived from this software without specific prior written "    \
    "permission.\n"
#define BSD_ADVERTISING                                                                            \
    "All advertising materials mentioning features or use of this software must display the "      \
    "following acknowledgement: This product includes software developed by Example.\n"
#define BSD_END                                                                                    \
    "THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS \"AS IS\" AND ANY "       \
    "EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF "     \
    "MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE "  \
    "COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, "   \
    "EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF "          \
    "SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) "      \
    "HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR "    \
    "TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS "          \
    "SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.\n"
#define ISC_HEAD                                                                                   \
    "Permission to use, copy, modify, and/or distribute this software for any purpose with or "    \
    "without fee is hereby granted"
#define ISC_END                                                                                    \
    "\nTHE SOFTWARE IS PROVIDED \"AS IS\" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO " \
    "THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT "  \
    "SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR "   \
    "ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF " \
    "CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE " \
    "OR PERFORMANCE OF THIS SOFTWARE.\n"
#define ISC_CONDITION                                                                              \
    ", provided that the above copyright notice and this permission notice appear in all copies."
#define APACHE_NOTICE                                                                              \
    "Licensed under the Apache License, Version 2.0 (the \"License\");\n"                          \
    "you may not use this file except in compliance with the License.\n"                           \
    "You may obtain a copy of the License at\n\n    "                                              \
    "http://www.apache.org/licenses/LICENSE-2.0\n\n"                                               \
    "Unless required by applicable law or agreed to in writing, software distributed under the "   \
    "License is distributed on an \"AS IS\" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, " \
    "either express or implied. See the License for the specific language governing permissions "  \
    "and limitations under the License.\n"
#define ZLIB                                                                                       \
    "This software is provided 'as-is', without any express or implied warranty. In no event "     \
    "will the authors be held liable for any damages arising from the use of this software.\n"     \
    "Permission is granted to anyone to use this software for any purpose, including commercial "  \
    "applications, and to alter it and redistribute it freely, subject to the following "          \
    "restrictions:\n"                                                                              \
    "1. The origin of this software must not be misrepresented; you must not claim that you "      \
    "wrote the original software. If you use this software in a product, an acknowledgment in "    \
    "the product documentation would be appreciated but is not required.\n"                        \
    "2. Altered source versions must be plainly marked as such, and must not be misrepresented "   \
    "as being the original software.\n"                                                            \
    "3. This notice may not be removed or altered from any source distribution.\n"

static void test_texts(void **state)
{
    static const struct {
        const char *text, *ids;
    } cases[] = {
        {"The MIT License (MIT)\n\nCopyright (c) 2020 A. Person\n\n" MIT_GRANT MIT_END, "MIT"},
        {"// Copyright 2020\n// " MIT_GRANT "//\n// " MIT_END, "MIT"},
        {MIT_GRANT "The Software shall be used for Good, not Evil.\n" MIT_END, "NOASSERTION"},
        {MIT_GRANT, "NOASSERTION"},
        {"Copyright 2009 X\n" BSD_HEAD BSD_END, "BSD-2-Clause"},
        {BSD_HEAD BSD_THIRD BSD_END, "BSD-3-Clause"},
        {BSD_HEAD BSD_ADVERTISING BSD_THIRD BSD_END, "NOASSERTION"},
        {ISC_HEAD ISC_CONDITION ISC_END, "ISC"},
        {ISC_HEAD "." ISC_END, "0BSD"},
        {ZLIB, "Zlib"},
        {APACHE_NOTICE, "Apache-2.0"},
        {MIT_GRANT MIT_END "\n---\n" APACHE_NOTICE "\n---\n" BSD_HEAD BSD_THIRD BSD_END,
         "MIT BSD-3-Clause Apache-2.0"},
        {"SPDX-License-Identifier: Apache-2.0 OR MIT\n", "Apache-2.0 MIT"},
        {"# SPDX-License-Identifier: (GPL-2.0-only WITH Classpath-exception-2.0) AND MIT\n",
         "GPL-2.0-only Classpath-exception-2.0 MIT"},
        {"All rights reserved. Ask us before you use this.\n", "NOASSERTION"},
        {"", "NOASSERTION"},
        {"See the files below src.", "NOASSERTION"},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_slice(ids_of(&a, slice_of(cases[i].text)), cases[i].ids);
    arena_release(&a);
}

/* A licence that is known, and one behind it that is not. */
static void test_left_over(void **state)
{
    struct arena a = ARENA_INIT;
    BUF_SCOPED(b);
    buf_add(&b, S(MIT_GRANT MIT_END));
    for (int i = 0; i < 100; i++)
        buf_printf(&b, "Copyright (c) %d Somebody Else With Several Names\n", 1900 + i);
    assert_slice(ids_of(&a, buf_slice(&b)), "MIT");
    for (int i = 0; i < 40; i++)
        buf_printf(&b, "You must not use it for purpose %d\n", i);
    assert_slice(ids_of(&a, buf_slice(&b)), "MIT NOASSERTION");
    arena_release(&a);
}

/* Wrapped elsewhere, commented, in capitals: the same text. */
static void test_shape_does_not_matter(void **state)
{
    struct arena a = ARENA_INIT;
    BUF_SCOPED(b);
    struct slice text = S(BSD_HEAD BSD_THIRD BSD_END);
    buf_add(&b, S(" * "));
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == ' ' && i % 3 == 0)
            buf_add(&b, S("\r\n *   "));
        else
            buf_add_byte(&b, c >= 'a' && c <= 'z' ? (char)(c - 32) : c);
    }
    assert_slice(ids_of(&a, buf_slice(&b)), "BSD-3-Clause");
    arena_release(&a);
}

/* The long texts, as Debian has them. */
static void test_debian(void **state)
{
    static const char *const files[][2] = {
        {"Apache-2.0", "Apache-2.0"}, {"BSD", "BSD-3-Clause"},  {"CC0-1.0", "CC0-1.0"},
        {"GPL-1", "NOASSERTION"},     {"GPL-2", "GPL-2.0"},     {"GPL-3", "GPL-3.0"},
        {"LGPL-2", "NOASSERTION"},    {"LGPL-2.1", "LGPL-2.1"}, {"LGPL-3", "LGPL-3.0"},
        {"MPL-1.1", "NOASSERTION"},   {"MPL-2.0", "MPL-2.0"},   {"GFDL-1.3", "NOASSERTION"},
        {"Artistic", "NOASSERTION"},
    };
    struct arena a = ARENA_INIT;
    size_t seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct slice text;
        struct slice path = arena_printf(&a, "/usr/share/common-licenses/%s", files[i][0]);
        if (file_read(&a, path.p, 1 << 20, &text))
            continue; /* not on every system */
        assert_slice(ids_of(&a, text), files[i][1]);
        seen++;
    }
    arena_release(&a);
    if (seen == 0)
        skip();
}

static void test_files(void **state)
{
    static const char *const yes[] = {"LICENSE",   "license.md",     "LICENCE.txt",
                                      "COPYING",   "COPYING.LESSER", "LICENSE-APACHE",
                                      "UNLICENSE", "LICENSE_MIT"};
    static const char *const no[] = {"LICENSES/MIT.txt", "license.go", "licensed", "README", "",
                                     "sub/LICENSE",      "COPYINGS",   "LIC"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        assert_true(licence_is_file(slice_of(yes[i])));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        assert_false(licence_is_file(slice_of(no[i])));
}

static void test_bounds(void **state)
{
    struct arena a = ARENA_INIT;
    struct licences ls = {0};
    BUF_SCOPED(b);
    for (int i = 0; i < 100; i++)
        buf_printf(&b, "SPDX-License-Identifier: LicenseRef-%d\n", i);
    licences_add(&a, buf_slice(&b), &ls);
    assert_int_equal(ls.count, LICENCES_MAX);
    assert_slice(ls.ids[LICENCES_MAX - 1], "NOASSERTION");
    buf_clear(&b);
    buf_reserve(&b, 2 << 20);
    for (int i = 0; i < 2 << 20; i++)
        buf_add_byte(&b, ' ');
    assert_slice(ids_of(&a, buf_slice(&b)), "NOASSERTION");
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_left_over),
        cmocka_unit_test(test_shape_does_not_matter),
        cmocka_unit_test(test_debian),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
